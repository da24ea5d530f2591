//! Rewound: an offset read after a later one of its partition. Jepsen calls it a non-monotonic
//! poll.
//!
//! What is read again would be taken for duplicates of the job, and what is read out of order for
//! reordering.

/// Keeps the offset after the last one of each partition. Takes eight bytes a partition.
#[derive(Debug)]
pub(super) struct Rewound {
    end: Vec<i64>,
    count: u64,
}

impl Rewound {
    pub(super) fn new(partitions: usize) -> Self {
        Self { end: vec![0; partitions], count: 0 }
    }

    pub(super) fn note(&mut self, partition: usize, offset: i64) {
        let Some(end) = self.end.get_mut(partition) else { return };
        if offset < *end {
            self.count += 1;
        } else {
            *end = offset.saturating_add(1);
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }
}
