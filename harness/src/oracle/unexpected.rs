//! Unexpected: a result that belongs to no message of this trial.

use super::Findings;

/// Counts results without a message.
#[derive(Debug, Default)]
pub(super) struct Unexpected(Findings);

impl Unexpected {
    pub(super) fn note(&mut self, description: String) {
        self.0.note(|| description);
    }

    pub(super) fn count(&self) -> u64 {
        self.0.count
    }

    pub(super) fn examples(&self) -> &[String] {
        &self.0.examples
    }
}
