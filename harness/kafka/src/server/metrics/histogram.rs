//! Times in buckets of growing width, after the idea of HdrHistogram: eight to each power of two,
//! so that a quantile is wrong by at most an eighth.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Buckets to each power of two, and its logarithm.
const STEPS: u64 = 8;
const STEPS_LOG: u32 = 3;

/// Times from 2^36 microseconds (19 hours) on share the last bucket.
const POWERS: u32 = 36;
const BUCKETS: usize = ((POWERS - STEPS_LOG + 1) * STEPS as u32) as usize;

/// A histogram that many threads write to.
#[derive(Debug)]
pub(super) struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    sum_us: AtomicU64,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self { buckets: [const { AtomicU64::new(0) }; BUCKETS], sum_us: AtomicU64::new(0) }
    }

    pub(super) fn record(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        self.buckets[bucket(us)].fetch_add(1, Relaxed);
        self.sum_us.fetch_add(us, Relaxed);
    }

    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Relaxed)).sum()
    }

    pub(super) fn sum_ms(&self) -> f64 {
        self.sum_us.load(Relaxed) as f64 / 1e3
    }

    /// The time in milliseconds that a share of `quantile` of all does not exceed; 0 for none.
    pub(super) fn quantile_ms(&self, quantile: f64) -> f64 {
        let rank = (quantile * self.count() as f64).ceil().max(1.0) as u64;
        let mut below = 0;
        for (index, bucket) in self.buckets.iter().enumerate() {
            below += bucket.load(Relaxed);
            if below >= rank {
                return last_of(index) as f64 / 1e3;
            }
        }
        0.0
    }
}

fn bucket(us: u64) -> usize {
    if us < STEPS {
        return us as usize;
    }
    let power = us.ilog2();
    let step = (us >> (power - STEPS_LOG)) - STEPS;
    (u64::from(power - STEPS_LOG + 1) * STEPS + step).min(BUCKETS as u64 - 1) as usize
}

/// The largest number of microseconds in a bucket.
fn last_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < STEPS {
        return bucket;
    }
    let shift = bucket / STEPS - 1;
    ((STEPS + bucket % STEPS + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantiles_lie_within_an_eighth_of_the_truth() {
        let histogram = Histogram::new();
        (1..=1_000).for_each(|ms| histogram.record(Duration::from_millis(ms)));
        assert_eq!((histogram.count(), histogram.sum_ms()), (1_000, 500_500.0));
        for (quantile, truth) in [(0.5, 500.0), (0.99, 990.0), (0.999, 999.0)] {
            let found = histogram.quantile_ms(quantile);
            assert!((truth..=truth * 1.125).contains(&found), "{quantile}: {found}");
        }
        assert_eq!(Histogram::new().quantile_ms(0.5), 0.0);
    }

    proptest! {
        #[test]
        fn every_time_lies_in_its_bucket(us in 0u64..1 << 36) {
            let index = bucket(us);
            prop_assert!(us <= last_of(index));
            prop_assert!(index == 0 || us > last_of(index - 1));
        }
    }

    #[test]
    fn a_time_beyond_all_bounds_is_counted() {
        let histogram = Histogram::new();
        histogram.record(Duration::MAX);
        assert_eq!(histogram.count(), 1);
    }
}
