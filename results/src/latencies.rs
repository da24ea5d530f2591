//! A bounded, log-linear recorder of latencies (HdrHistogram), from 1 µs to 1 h with three
//! significant digits, in about 180 KiB whatever is recorded.
//!
//! No sample is dropped. A latency below zero says that a clock is wrong: it is counted as
//! negative and recorded as 0. One above an hour is counted as an overflow and recorded as one
//! hour, so that quantiles err on the side of "slow".

mod counters;
mod encoded;
mod histogram_record;

use counters::Counters;
use hdrhistogram::Histogram;

use crate::statistics::quantile_ranks;

pub use histogram_record::{HistogramError, HistogramRecord};

/// The longest latency that keeps its own value, in microseconds: one hour.
pub const LATENCY_US_MAX: u64 = 3_600_000_000;
/// The shortest latency that is told from zero, in microseconds.
const LATENCY_US_MIN: u64 = 1;
/// Significant decimal digits: a value read back errs by 0.1 % at most.
const SIGNIFICANT_DIGITS: u8 = 3;

/// A histogram of latencies in microseconds.
#[derive(Clone, Debug)]
pub struct Latencies {
    counters: Counters,
    negatives: u64,
    overflows: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        Latencies::new()
    }
}

impl Latencies {
    /// An empty recorder.
    pub fn new() -> Latencies {
        Latencies { counters: Counters::new(), negatives: 0, overflows: 0 }
    }

    /// Records one latency, in microseconds.
    #[inline]
    pub fn record_us(&mut self, latency_us: i64) {
        let value = match u64::try_from(latency_us) {
            Ok(value) if value <= LATENCY_US_MAX => value,
            Ok(_) => {
                self.overflows += 1;
                LATENCY_US_MAX
            }
            Err(_) => {
                self.negatives += 1;
                0
            }
        };
        self.counters.add(value);
    }

    /// Adds every sample of `other`: the same as having recorded them here.
    pub fn merge(&mut self, other: &Latencies) {
        self.counters.add_all(&other.counters);
        self.negatives += other.negatives;
        self.overflows += other.overflows;
    }

    /// Forgets every sample and keeps the memory.
    pub fn clear(&mut self) {
        self.counters.clear();
        self.negatives = 0;
        self.overflows = 0;
    }

    /// The number of samples, negative and overflowing ones included.
    pub fn count(&self) -> u64 {
        self.counters.total()
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.counters.is_empty()
    }

    /// Samples below zero.
    pub fn negatives(&self) -> u64 {
        self.negatives
    }

    /// Samples above [`LATENCY_US_MAX`].
    pub fn overflows(&self) -> u64 {
        self.overflows
    }

    /// The value in microseconds that a share of `quantile` (0 to 1) of the samples does not
    /// exceed, to three digits; `None` when nothing was recorded.
    pub fn quantile_us(&self, quantile: f64) -> Option<u64> {
        (!self.is_empty()).then(|| self.histogram().value_at_quantile(quantile))
    }

    /// As [`Latencies::quantile_us`], in milliseconds.
    pub fn quantile_ms(&self, quantile: f64) -> Option<f64> {
        self.quantile_us(quantile).map(|us| us as f64 / 1e3)
    }

    /// The smallest sample in microseconds, to three digits.
    pub fn min_us(&self) -> Option<u64> {
        (!self.is_empty()).then(|| self.histogram().min())
    }

    /// The largest sample in microseconds, to three digits.
    pub fn max_us(&self) -> Option<u64> {
        (!self.is_empty()).then(|| self.histogram().max())
    }

    /// The mean in microseconds, to three digits.
    pub fn mean_us(&self) -> Option<f64> {
        (!self.is_empty()).then(|| self.histogram().mean())
    }

    /// HdrHistogram's V2 encoding, deflated, in base64: what its other implementations read.
    pub fn encoded(&self) -> String {
        encoded::encode(&self.histogram())
    }

    /// The histogram of these counts.
    pub(crate) fn histogram(&self) -> Histogram<u64> {
        let mut histogram = empty_histogram();
        self.counters.fill(&mut histogram);
        histogram
    }

    /// Samples above `limit_us` microseconds. Samples that cannot be told from the limit, to
    /// three digits, are not counted.
    pub fn count_above_us(&self, limit_us: u64) -> u64 {
        self.count().saturating_sub(self.histogram().count_between(0, limit_us))
    }

    /// Between which values in microseconds the `quantile` of the distribution lies with the given
    /// confidence, each widened by its bucket; a side is `None` where no sample bounds it. Holds
    /// for independent samples, so within short windows.
    ///
    /// Source: as [`quantile_ranks`].
    pub fn quantile_interval_us(
        &self,
        quantile: f64,
        confidence: f64,
    ) -> (Option<u64>, Option<u64>) {
        let (low, high) = quantile_ranks(self.count(), quantile, confidence);
        let bounds = |rank: Option<u64>| rank.and_then(|rank| self.rank_bounds_us(rank));
        (bounds(low).map(|(least, _)| least), bounds(high).map(|(_, largest)| largest))
    }

    /// The least and the largest value in microseconds that the sample of `rank` (1 is the
    /// smallest) can have had; `None` when there is no such sample.
    pub fn rank_bounds_us(&self, rank: u64) -> Option<(u64, u64)> {
        if rank == 0 || rank > self.count() {
            return None;
        }
        let mut seen = 0u64;
        let histogram = self.histogram();
        histogram.iter_recorded().find_map(|step| {
            seen = seen.saturating_add(step.count_at_value());
            let value = step.value_iterated_to();
            (seen >= rank)
                .then(|| (histogram.lowest_equivalent(value), histogram.highest_equivalent(value)))
        })
    }
}

fn empty_histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(LATENCY_US_MIN, LATENCY_US_MAX, SIGNIFICANT_DIGITS)
        .expect("the constant bounds are ones that the histogram accepts")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn recorded(samples: &[i64]) -> Latencies {
        let mut latencies = Latencies::new();
        samples.iter().for_each(|sample| latencies.record_us(*sample));
        latencies
    }

    #[test]
    fn nothing_recorded_has_no_quantile() {
        let latencies = Latencies::new();
        assert_eq!(latencies.quantile_us(0.99), None);
        assert_eq!(latencies.max_us(), None);
        assert_eq!(latencies.rank_bounds_us(1), None);
    }

    #[test]
    fn negatives_and_overflows_are_counted_and_recorded_at_the_ends() {
        let top = i64::try_from(LATENCY_US_MAX).unwrap();
        let latencies = recorded(&[-1, i64::MIN, 5, top, top + 1, i64::MAX]);
        assert_eq!(latencies.count(), 6);
        assert_eq!(latencies.negatives(), 2);
        assert_eq!(latencies.overflows(), 2);
        assert_eq!(latencies.min_us(), Some(0));
        assert!(latencies.max_us().unwrap() >= LATENCY_US_MAX);
    }

    #[test]
    fn samples_above_a_limit_are_counted_but_not_those_at_it() {
        let latencies = recorded(&[-1, 0, 1_000, 1_001, 2_000_000, i64::MAX]);
        assert_eq!(latencies.count_above_us(1_000), 3);
        assert_eq!(latencies.count_above_us(0), 4);
        assert_eq!(latencies.count_above_us(u64::MAX), 0);
        // 2.000 s and 2.001 s are not told apart.
        assert_eq!(latencies.count_above_us(2_000_000), 1);
    }

    #[test]
    fn the_interval_of_a_quantile_is_widened_by_the_bucket() {
        // Of 1,000 samples the ranks 983 and 997 bound the 99th percentile. 98,300 and 99,700 lie
        // in buckets of 64 µs: from 98,240 on, and up to 99,711.
        let latencies = recorded(&(1..=1_000).map(|sample| sample * 100).collect::<Vec<_>>());
        let interval = latencies.quantile_interval_us(0.99, 0.95);
        assert_eq!(interval, (Some(98_300 / 64 * 64), Some(99_700 / 64 * 64 + 63)));
        // 200 samples do not bound it above, and nothing bounds nothing.
        let few = recorded(&[5; 200]);
        assert_eq!(few.quantile_interval_us(0.99, 0.95), (Some(5), None));
        assert_eq!(Latencies::new().quantile_interval_us(0.99, 0.95), (None, None));
    }

    #[test]
    fn a_cleared_recorder_is_as_new() {
        let mut latencies = recorded(&[-1, 7, i64::MAX]);
        latencies.clear();
        assert_eq!(latencies.to_record(), Latencies::new().to_record());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn merging_equals_recording_directly(
            left in prop::collection::vec(-10i64..5_000_000_000, 0..200),
            right in prop::collection::vec(-10i64..5_000_000_000, 0..200),
        ) {
            let mut merged = recorded(&left);
            merged.merge(&recorded(&right));
            let direct = recorded(&[left, right].concat());
            prop_assert_eq!(merged.to_record(), direct.to_record());
        }

        #[test]
        fn quantiles_err_by_a_thousandth_at_most(
            mut samples in prop::collection::vec(0i64..=3_600_000_000, 1..300),
            quantile in 0.0f64..=1.0,
        ) {
            let latencies = recorded(&samples);
            samples.sort_unstable();
            let rank = ((quantile * samples.len() as f64).ceil() as usize).max(1);
            let exact = samples[rank - 1] as f64;
            let read = latencies.quantile_us(quantile).unwrap() as f64;
            // A quantile within one rounding step of a rank may belong to its neighbour.
            let next = samples[rank.min(samples.len() - 1)] as f64;
            let close = |exact: f64| (read - exact).abs() <= exact * 1e-3;
            prop_assert!(close(exact) || close(next), "{read} for {exact}");
        }

        #[test]
        fn the_sample_of_a_rank_lies_within_its_bounds(
            mut samples in prop::collection::vec(0i64..=3_600_000_000, 1..200),
            pick in any::<prop::sample::Index>(),
        ) {
            let latencies = recorded(&samples);
            samples.sort_unstable();
            let index = pick.index(samples.len());
            let (low, high) = latencies.rank_bounds_us(index as u64 + 1).unwrap();
            let sample = samples[index] as u64;
            prop_assert!(low <= sample && sample <= high);
            prop_assert!((high - low) as f64 <= 1e-3 * sample as f64);
        }
    }
}
