//! A histogram with doubling buckets, counted by any thread and told in Prometheus text.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// Every sample costs two relaxed atomic additions.
#[derive(Debug)]
pub(crate) struct Histogram {
    /// One for each bound, and one for what is above the last.
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
    first_bound: u64,
    units_per_s: u64,
}

impl Histogram {
    /// Samples are whole units, `units_per_s` of them a second. The first upper bound is
    /// `first_bound` units; each of the `bounds` bounds is twice the one before.
    pub(crate) fn new(units_per_s: u64, first_bound: u64, bounds: usize) -> Self {
        let buckets = (0..=bounds).map(|_| AtomicU64::new(0)).collect();
        Self { buckets, sum: AtomicU64::new(0), first_bound, units_per_s }
    }

    /// Counts one sample.
    pub(crate) fn observe(&self, sample: u64) {
        self.buckets[self.bucket(sample)].fetch_add(1, Ordering::Relaxed);
        self.sum.fetch_add(sample, Ordering::Relaxed);
    }

    /// Appends the lines of the series `name`, in seconds.
    pub(crate) fn write(&self, text: &mut String, name: &str) {
        let seconds = |units: u64| units as f64 / self.units_per_s as f64;
        let mut count = 0;
        // Writing to a string cannot fail.
        for (index, bucket) in self.buckets.iter().enumerate() {
            count += bucket.load(Ordering::Relaxed);
            let _ = if index + 1 < self.buckets.len() {
                let bound = seconds(self.first_bound << index);
                writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {count}")
            } else {
                writeln!(text, "{name}_bucket{{le=\"+Inf\"}} {count}")
            };
        }
        let _ = writeln!(text, "{name}_sum {:.6}", seconds(self.sum.load(Ordering::Relaxed)));
        let _ = writeln!(text, "{name}_count {count}");
    }

    /// The bucket of a sample: upper bounds are inclusive.
    fn bucket(&self, sample: u64) -> usize {
        let firsts = sample.div_ceil(self.first_bound).max(1);
        let doublings = (firsts - 1).checked_ilog2().map_or(0, |log| log as usize + 1);
        doublings.min(self.buckets.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upper_bounds_are_inclusive_and_double() {
        let histogram = Histogram::new(1_000_000, 1_000, 17);
        let bucket = |sample| histogram.bucket(sample);
        assert_eq!([0, 1, 1_000, 1_001, 2_000, 2_001].map(bucket), [0, 0, 0, 1, 1, 2]);
        assert_eq!([4_000, 4_001, 65_536_000].map(bucket), [2, 3, 16]);
        assert_eq!([65_536_001, u64::MAX].map(bucket), [17, 17]);
    }

    #[test]
    fn counts_are_cumulative_and_in_seconds() {
        let histogram = Histogram::new(1_000_000_000, 10_000, 3);
        [9_999, 10_000, 10_001, 40_001].iter().for_each(|sample| histogram.observe(*sample));
        let mut text = String::new();
        histogram.write(&mut text, "x_seconds");
        let expected = "x_seconds_bucket{le=\"0.00001\"} 2\n\
                        x_seconds_bucket{le=\"0.00002\"} 3\n\
                        x_seconds_bucket{le=\"0.00004\"} 3\n\
                        x_seconds_bucket{le=\"+Inf\"} 4\n\
                        x_seconds_sum 0.000070\n\
                        x_seconds_count 4\n";
        assert_eq!(text, expected);
    }
}
