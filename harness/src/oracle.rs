//! The oracle: what was sent, what came back, and what that proves.
//!
//! The [`Ledger`] keeps one bit a message and outcome, so its memory is known before a trial
//! starts. Each checker looks for one way in which a pipeline can be wrong, in a file of its own.

mod bits;
mod duplicated;
mod ledger;
mod lost;
mod reordered;
mod source_log;
mod unexpected;

pub use ledger::{Ledger, Seen};
pub use source_log::SourceLog;

use duplicated::Duplicated;
use reordered::Reordered;
use results::{Delivery, Guarantee};
use unexpected::Unexpected;
use workloads::Stamp;

/// How many lost messages are named.
const EXAMPLES_MAX: usize = results::record::LOST_EXAMPLES_MAX;

/// The checkers that watch results as they arrive; [`Oracle::verify`] adds those that need the end.
#[derive(Debug)]
pub struct Oracle {
    trial: u32,
    duplicated: Duplicated,
    reordered: Reordered,
    unexpected: Unexpected,
}

impl Oracle {
    /// An oracle for the trial with this tag, over `keys` keys.
    pub fn new(trial: u32, keys: usize) -> Self {
        Self {
            trial,
            duplicated: Duplicated::default(),
            reordered: Reordered::new(keys),
            unexpected: Unexpected::default(),
        }
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
            Seen::First => self.reordered.note(stamp),
            Seen::Again => self.duplicated.note(),
            Seen::NeverSent => self.unexpected.note(),
        }
        seen == Seen::First
    }

    /// The verdict on delivery after the drain, with the source log if it was read; `describe`
    /// names a message by its position.
    pub fn verify(
        &self,
        ledger: &Ledger,
        guarantee: Guarantee,
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
            guarantee,
            audit: log.map(|log| log.audit(ledger)),
        }
    }
}

#[cfg(test)]
mod tests;
