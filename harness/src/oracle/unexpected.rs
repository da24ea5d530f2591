//! Unexpected: a result that belongs to no message of this trial.

/// Counts results without a message.
#[derive(Debug, Default)]
pub(super) struct Unexpected(u64);

impl Unexpected {
    pub(super) fn note(&mut self) {
        self.0 += 1;
    }

    pub(super) fn count(&self) -> u64 {
        self.0
    }
}
