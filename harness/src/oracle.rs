//! The oracle: what was sent, what came back, and what that proves.
//!
//! The [`Ledger`] keeps one bit a message and outcome, so its memory is known before a trial
//! starts. Each checker looks for one way in which a pipeline can be wrong, in a file of its own.

mod bits;
mod duplicated;
mod ledger;
mod lost;
mod reordered;
mod unexpected;

pub use ledger::{Ledger, Seen};

use duplicated::Duplicated;
use reordered::Reordered;
use results::{Delivery, Guarantee};
use unexpected::Unexpected;
use workloads::Stamp;

/// How many offending messages a checker names.
const EXAMPLES_MAX: usize = 10;

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
        let Some(stamp) = stamp else {
            self.unexpected.note("a result without a readable stamp".to_owned());
            return false;
        };
        if stamp.trial != self.trial || !self.reordered.knows(stamp.key) {
            self.unexpected.note(format!(
                "a result of another trial (tag {:08x}, key {})",
                stamp.trial, stamp.key
            ));
            return false;
        }
        match ledger.observe(stamp.position) {
            Seen::First => {
                self.reordered.note(stamp);
                true
            }
            Seen::Again => {
                self.duplicated.note(stamp);
                false
            }
            Seen::NeverSent => {
                self.unexpected
                    .note(format!("a result for message {}, never sent", stamp.position));
                false
            }
        }
    }

    /// The verdict on delivery after the drain.
    pub fn verify(&self, ledger: &Ledger, guarantee: Guarantee) -> Delivery {
        let counts = ledger.counts();
        let (lost, mut examples) = lost::lost(ledger);
        examples.extend(self.reordered.examples().iter().cloned());
        examples.extend(self.duplicated.examples().iter().cloned());
        examples.extend(self.unexpected.examples().iter().cloned());
        examples.truncate(EXAMPLES_MAX);
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
            lost_examples: examples,
            guarantee,
        }
    }
}

/// Keeps the first few descriptions of what a checker found, and counts all.
#[derive(Debug, Default)]
struct Findings {
    count: u64,
    examples: Vec<String>,
}

impl Findings {
    fn note(&mut self, describe: impl FnOnce() -> String) {
        self.count += 1;
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(describe());
        }
    }
}

#[cfg(test)]
mod tests;
