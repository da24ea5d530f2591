//! The oracle: what was sent, what came back, and what that proves.
//!
//! The [`Ledger`] keeps one bit a message and outcome, so its memory is known before a trial
//! starts. Each checker looks for one way in which a pipeline can be wrong, or the harness that
//! measures it, in a file of its own; [`Checker`] names them. `CHECKERS.md` says which planted bug
//! each of them catches, as a test has it.

mod bits;
mod checker;
mod duplicated;
mod eras;
mod ledger;
mod lost;
mod misstamped;
mod reordered;
mod rewound;
mod skipped;
mod source_log;
#[cfg(test)]
mod table;
mod unexpected;
mod unrecorded;

pub use checker::{Checker, Consequence};
pub use eras::Eras;
pub(crate) use eras::partition_of;
pub use ledger::{Ledger, Seen};
pub use source_log::SourceLog;

use duplicated::Duplicated;
use misstamped::Misstamped;
use reordered::Reordered;
use results::{Delivery, Guarantee, HarnessChecks, Latencies};
use rewound::Rewound;
use skipped::Skipped;
use unexpected::Unexpected;
use unrecorded::Unrecorded;
use workloads::{Arrival, Stamp};

/// How many lost messages are named.
const EXAMPLES_MAX: usize = results::record::LOST_EXAMPLES_MAX;

/// What the checkers must know before the first result.
#[derive(Debug, Clone)]
pub struct OraclePlan {
    /// Tag of the trial in stamps.
    pub trial: u32,
    /// How many keys stamps may name.
    pub keys: usize,
    /// How many of them the workload itself has.
    pub symbols: u32,
    /// Partitions of the result topic.
    pub partitions: i32,
    /// What the job promises.
    pub guarantee: Guarantee,
    /// When each message is due.
    pub arrival: Arrival,
    /// Start of the load, microseconds since the Unix epoch.
    pub origin_us: u64,
}

/// The checkers that watch results as they arrive; [`Oracle::verify`] and
/// [`Oracle::check_harness`] add those that need the end.
#[derive(Debug)]
pub struct Oracle {
    trial: u32,
    guarantee: Guarantee,
    duplicated: Duplicated,
    reordered: Reordered,
    symbols: u32,
    unexpected: Unexpected,
    /// Absent where offsets have gaps by right.
    skipped: Option<Skipped>,
    rewound: Rewound,
    misstamped: Misstamped,
    unrecorded: Unrecorded,
}

impl Oracle {
    /// The checkers of one trial.
    pub fn new(plan: &OraclePlan) -> Self {
        let partitions = usize::try_from(plan.partitions).unwrap_or(0);
        let dense = plan.guarantee != Guarantee::ExactlyOnce;
        Self {
            trial: plan.trial,
            guarantee: plan.guarantee,
            duplicated: Duplicated::default(),
            reordered: Reordered::new(plan.keys),
            symbols: plan.symbols,
            unexpected: Unexpected::default(),
            skipped: dense.then(|| Skipped::new(partitions)),
            rewound: Rewound::new(partitions),
            misstamped: Misstamped::new(plan.arrival.clone(), plan.origin_us),
            unrecorded: Unrecorded::default(),
        }
    }

    /// Takes note that a record of the result topic was read, whatever it holds.
    pub fn read(&mut self, partition: i32, offset: i64) {
        let Ok(partition) = usize::try_from(partition) else { return };
        self.rewound.note(partition, offset);
        if let Some(skipped) = &mut self.skipped {
            skipped.note(partition, offset);
        }
    }

    /// Takes note of where the partitions of the result topic ended when the collector had to have
    /// read them: the offset after the last record of each. Needed once, at the end.
    pub fn ended(&mut self, ends: &[i64]) {
        if let Some(skipped) = &mut self.skipped {
            // As if the next record were read.
            ends.iter().enumerate().for_each(|(partition, end)| skipped.note(partition, *end));
        }
    }

    /// Takes note of the response time of a first result, before any recorder has it.
    pub fn responded(&mut self, response_us: i64) {
        self.unrecorded.note(response_us);
    }

    /// Takes one result in; `None` stands for a result without a readable stamp.
    ///
    /// Returns true when this is the first result of a message that was sent.
    pub fn observe(&mut self, ledger: &Ledger, stamp: Option<&Stamp>) -> bool {
        let of_this_trial =
            |stamp: &&Stamp| stamp.trial == self.trial && self.reordered.knows(stamp.key);
        let Some(stamp) = stamp.filter(of_this_trial) else {
            self.unexpected.note();
            return false;
        };
        let seen = ledger.observe(stamp.position);
        match seen {
            Seen::First => {
                self.reordered.note(stamp, ledger.eras.place(stamp, self.symbols));
                self.misstamped.note(stamp);
            }
            Seen::Again => self.duplicated.note(),
            Seen::Repeated => {}
            Seen::NeverSent => self.unexpected.note(),
        }
        seen == Seen::First
    }

    /// The verdict on delivery after the drain, with the source log if it was read; `describe`
    /// names a message by its position.
    pub fn verify(
        &self,
        ledger: &Ledger,
        log: Option<&SourceLog>,
        describe: impl FnMut(u64) -> String,
    ) -> Delivery {
        let counts = ledger.counts();
        let (lost, positions) = lost::lost(ledger);
        Delivery {
            planned: ledger.planned(),
            sent: counts.sent,
            acknowledged: counts.acknowledged,
            failed: counts.failed,
            unknown: counts.unknown,
            observed: counts.observed,
            lost,
            duplicated: self.duplicated.count(),
            reordered: self.reordered.count(),
            unexpected: self.unexpected.count(),
            lost_examples: positions.into_iter().map(describe).collect(),
            guarantee: self.guarantee,
            audit: log.map(|log| log.audit(ledger)),
        }
    }

    /// What the checkers found out about the harness; `recorders` are those that should hold the
    /// response time of every first result.
    pub fn check_harness(&self, ledger: &Ledger, recorders: &[&Latencies]) -> HarnessChecks {
        HarnessChecks {
            skipped: self.skipped.as_ref().map(Skipped::count),
            rewound: self.rewound.count(),
            misstamped: self.misstamped.count(),
            unrecorded: self.unrecorded.count(ledger.counts().observed, recorders),
        }
    }
}

#[cfg(test)]
mod tests;
