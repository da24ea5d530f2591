//! Reordered within a key: the first result of a message after that of a later one of its key.
//!
//! Of a key that moved to another partition, what was sent before and after the move has an order
//! of its own (see [`Eras`](super::Eras)).
//!
//! Only first results count, because a repetition after a failure rightly starts further back.

use workloads::Stamp;

/// Keeps the sequence that each key may show next. Takes four bytes a key, and as many more in
/// each further place that keys have moved to.
#[derive(Debug)]
pub(super) struct Reordered {
    /// By place and key.
    next: Vec<Vec<u32>>,
    keys: usize,
    count: u64,
}

impl Reordered {
    pub(super) fn new(keys: usize) -> Self {
        Self { next: vec![vec![0; keys]], keys, count: 0 }
    }

    /// Whether the workload has such a key.
    pub(super) fn knows(&self, key: u32) -> bool {
        (key as usize) < self.keys
    }

    /// Takes a first result in, of a message in this place of its key.
    pub(super) fn note(&mut self, stamp: &Stamp, place: usize) {
        while self.next.len() <= place {
            self.next.push(vec![0; self.keys]);
        }
        let Some(next) = self.next[place].get_mut(stamp.key as usize) else { return };
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
