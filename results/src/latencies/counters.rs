//! One counter a bucket: where a sample is counted in as few steps as can be.
//!
//! The buckets are those of an HdrHistogram of 1 µs with three digits, so that counters and
//! histogram become each other without loss. What a histogram keeps besides (total, least,
//! largest) is found again from the counters when it is asked for.

use hdrhistogram::Histogram;

use super::LATENCY_US_MAX;

/// Values below this have a bucket of their own; above, each doubling has half as many.
const SUB_BUCKETS: u64 = 2048;
/// Each doubling has 2 to the power of this.
const HALF_BITS: u32 = 10;
/// The buckets up to one hour, in whole doublings.
const BUCKETS: usize = 23 << HALF_BITS;

/// Counters from 0 to [`LATENCY_US_MAX`] µs.
#[derive(Clone, Debug)]
pub(super) struct Counters {
    of_bucket: Box<[u64; BUCKETS]>,
}

impl Counters {
    pub(super) fn new() -> Counters {
        let zeros = vec![0; BUCKETS].into_boxed_slice();
        Counters { of_bucket: zeros.try_into().expect("as many as the array has") }
    }

    /// Counts one sample; those beyond [`LATENCY_US_MAX`] in the last bucket.
    #[inline]
    pub(super) fn add(&mut self, value_us: u64) {
        // A bound that the compiler sees spares it the check.
        self.of_bucket[bucket(value_us).min(BUCKETS - 1)] += 1;
    }

    pub(super) fn add_all(&mut self, other: &Counters) {
        for (count, other) in self.of_bucket.iter_mut().zip(other.of_bucket.iter()) {
            *count = count.saturating_add(*other);
        }
    }

    pub(super) fn clear(&mut self) {
        self.of_bucket.fill(0);
    }

    pub(super) fn total(&self) -> u64 {
        self.of_bucket.iter().fold(0, |total, count| total.saturating_add(*count))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.of_bucket.iter().all(|count| *count == 0)
    }

    /// The same counts in the given histogram, which must be empty and of our bounds.
    pub(super) fn fill(&self, histogram: &mut Histogram<u64>) {
        for (bucket, count) in self.of_bucket.iter().enumerate().filter(|(_, count)| **count > 0) {
            histogram.saturating_record_n(least(bucket).min(LATENCY_US_MAX), *count);
        }
    }

    /// The counts of a histogram of our bounds.
    pub(super) fn of(histogram: &Histogram<u64>) -> Counters {
        let mut counters = Counters::new();
        for step in histogram.iter_recorded() {
            let bucket = bucket(step.value_iterated_to()).min(BUCKETS - 1);
            counters.of_bucket[bucket] = step.count_at_value();
        }
        counters
    }
}

/// The bucket that counts a value.
#[inline]
fn bucket(value_us: u64) -> usize {
    // How many doublings the value lies above those that have a bucket each.
    let doublings = (value_us | (SUB_BUCKETS - 1)).ilog2() - HALF_BITS;
    ((doublings as usize) << HALF_BITS) + (value_us >> doublings) as usize
}

/// The least value that a bucket counts.
fn least(bucket: usize) -> u64 {
    let doublings = (bucket >> HALF_BITS).saturating_sub(1);
    ((bucket - (doublings << HALF_BITS)) as u64) << doublings
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn buckets_worked_by_hand() {
        assert_eq!((bucket(0), bucket(2047), bucket(2048), bucket(2050)), (0, 2047, 2048, 2049));
        assert_eq!((bucket(4095), bucket(4096), bucket(4100)), (3071, 3072, 3073));
        assert_eq!((least(2049), least(3073)), (2050, 4100));
        assert!(bucket(LATENCY_US_MAX) < BUCKETS);
    }

    #[test]
    fn a_value_out_of_range_is_counted_all_the_same() {
        let mut counters = Counters::new();
        counters.add(u64::MAX);
        assert_eq!(counters.total(), 1);
    }

    proptest! {
        #[test]
        fn buckets_are_those_of_the_histogram(values in prop::collection::vec(0u64..=LATENCY_US_MAX, 1..100)) {
            let mut counters = Counters::new();
            let mut histogram = super::super::empty_histogram();
            for value in &values {
                counters.add(*value);
                histogram.record(*value).unwrap();
            }
            let mut filled = super::super::empty_histogram();
            counters.fill(&mut filled);
            prop_assert!(filled == histogram);
            prop_assert_eq!(&Counters::of(&histogram).of_bucket[..], &counters.of_bucket[..]);
            prop_assert_eq!(counters.total(), values.len() as u64);
        }

        #[test]
        fn a_value_lies_in_its_bucket(value in 0u64..=LATENCY_US_MAX) {
            let bucket = bucket(value);
            prop_assert!(least(bucket) <= value && value < least(bucket + 1));
        }
    }
}
