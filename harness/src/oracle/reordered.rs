//! Reordered within a key: the first result of a message after that of a later one of its key.
//!
//! Only first results count, because a repetition after a failure rightly starts further back.

use workloads::Stamp;

/// Keeps the sequence that each key may show next. Takes four bytes a key.
#[derive(Debug)]
pub(super) struct Reordered {
    next: Vec<u32>,
    count: u64,
}

impl Reordered {
    pub(super) fn new(keys: usize) -> Self {
        Self { next: vec![0; keys], count: 0 }
    }

    /// Whether the workload has such a key.
    pub(super) fn knows(&self, key: u32) -> bool {
        (key as usize) < self.next.len()
    }

    pub(super) fn note(&mut self, stamp: &Stamp) {
        let Some(next) = self.next.get_mut(stamp.key as usize) else { return };
        if stamp.sequence < *next {
            self.count += 1;
        } else {
            *next = stamp.sequence.saturating_add(1);
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }
}
