//! Duplicated: a result after the first one of the same message.

use super::Findings;
use workloads::Stamp;

/// Counts results beyond the first of each message.
#[derive(Debug, Default)]
pub(super) struct Duplicated(Findings);

impl Duplicated {
    pub(super) fn note(&mut self, stamp: &Stamp) {
        self.0.note(|| format!("message {} duplicated", stamp.position));
    }

    pub(super) fn count(&self) -> u64 {
        self.0.count
    }

    pub(super) fn examples(&self) -> &[String] {
        &self.0.examples
    }
}
