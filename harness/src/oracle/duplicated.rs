//! Duplicated: a result after the first one of the same message.

/// Counts results beyond the first of each message.
#[derive(Debug, Default)]
pub(super) struct Duplicated(u64);

impl Duplicated {
    pub(super) fn note(&mut self) {
        self.0 += 1;
    }

    pub(super) fn count(&self) -> u64 {
        self.0
    }
}
