//! Skipped: an offset that the collector passed over. Jepsen calls it a poll skip.
//!
//! Brokers number the records of a partition without gaps, unless transactions leave markers. So
//! a gap is a poll that was dropped on its way, or a broker that left an offset out: results may
//! be missing that the job has written, and `lost` would put the blame on the job. The same goes
//! for what lies between the last offset read and the partition's end.

/// Keeps the offset that each partition must show next. Takes eight bytes a partition.
#[derive(Debug)]
pub(super) struct Skipped {
    next: Vec<i64>,
    count: u64,
}

impl Skipped {
    pub(super) fn new(partitions: usize) -> Self {
        Self { next: vec![0; partitions], count: 0 }
    }

    /// An offset before the next one is not skipped; that is for `rewound` to find.
    pub(super) fn note(&mut self, partition: usize, offset: i64) {
        let Some(next) = self.next.get_mut(partition) else { return };
        if offset >= *next {
            self.count = self.count.saturating_add(offset.abs_diff(*next));
            *next = offset.saturating_add(1);
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }
}
