//! A histogram as Prometheus text holds it: cumulative counts by upper bound. Pure and bounded.

use std::time::Duration;

/// Buckets kept of one histogram.
pub(super) const BUCKETS_MAX: usize = 128;
/// Fewest samples from which a quantile is taken.
const SAMPLES_LEAST: f64 = 20.0;

/// Upper bounds in seconds and how many samples do not exceed them, by rising bound.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    buckets: Vec<(f64, f64)>,
}

impl Histogram {
    /// Adds to the count of one bound, which is infinite for the last bucket. What is not a
    /// number, and new bounds beyond 128 of them, are passed over.
    pub fn add(&mut self, bound_s: f64, count: f64) {
        if bound_s.is_nan() || count.is_nan() {
            return;
        }
        match self.buckets.binary_search_by(|(kept, _)| kept.total_cmp(&bound_s)) {
            Ok(place) => self.buckets[place].1 += count,
            Err(place) if self.buckets.len() < BUCKETS_MAX => {
                self.buckets.insert(place, (bound_s, count));
            }
            Err(_) => {}
        }
    }

    /// Adds the counts of another histogram, bound by bound.
    pub fn merge(&mut self, other: &Self) {
        other.buckets.iter().for_each(|(bound_s, count)| self.add(*bound_s, *count));
    }

    /// Bounds in seconds and cumulative counts, by rising bound.
    #[must_use]
    pub fn buckets(&self) -> &[(f64, f64)] {
        &self.buckets
    }

    /// Whether it has no buckets at all: nothing was reported.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// What was counted since `before`, a look at the same process. Other bounds or a count that
    /// fell mean that it was started again: then all of it is new.
    #[must_use]
    pub fn gained_since(&self, before: &Self) -> Self {
        let pairs = || before.buckets.iter().zip(&self.buckets);
        let grown = before.buckets.len() == self.buckets.len()
            && pairs().all(|((bound_before, count_before), (bound, count))| {
                bound_before == bound && count_before <= count
            });
        if !grown {
            return self.clone();
        }
        let gained =
            pairs().map(|((_, count_before), (bound, count))| (*bound, count - count_before));
        Self { buckets: gained.collect() }
    }

    /// Quantile (0 to 1), linear within a bucket, as Prometheus computes it; the largest finite
    /// bound if it lies beyond. Absent when there are fewer than 20 samples.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Option<Duration> {
        let total = self.buckets.last().map(|(_, count)| *count)?;
        if total < SAMPLES_LEAST {
            return None;
        }
        let rank = quantile * total;
        let (mut bound_below, mut count_below) = (0.0_f64, 0.0_f64);
        for (bound, count) in &self.buckets {
            if *count >= rank {
                let inside = (rank - count_below) / (count - count_below).max(f64::MIN_POSITIVE);
                let width = if bound.is_finite() { bound - bound_below } else { 0.0 };
                let seconds = bound_below + width * inside.clamp(0.0, 1.0);
                return Duration::try_from_secs_f64(seconds).ok();
            }
            (bound_below, count_below) = (*bound, *count);
        }
        None
    }
}

impl FromIterator<(f64, f64)> for Histogram {
    /// From bounds in seconds and cumulative counts.
    fn from_iter<I: IntoIterator<Item = (f64, f64)>>(buckets: I) -> Self {
        let mut histogram = Self::default();
        buckets.into_iter().for_each(|(bound_s, count)| histogram.add(bound_s, count));
        histogram
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: f64 = f64::INFINITY;

    #[test]
    fn a_quantile_beyond_the_last_bound_is_that_bound_and_few_samples_give_none() {
        let all_late = Histogram::from_iter([(0.01, 0.0), (ALL, 100.0)]);
        assert_eq!(all_late.quantile(0.99), Some(Duration::from_millis(10)));
        assert_eq!(Histogram::from_iter([(0.01, 19.0), (ALL, 19.0)]).quantile(0.99), None);
        assert_eq!(Histogram::default().quantile(0.99), None);
    }

    /// 200 samples: 180 up to 2.56 ms, 20 more up to 5.12 ms. Rank 198 is 18 of 20 into the
    /// second bucket: 2.56 + 0.9 · 2.56 = 4.864 ms.
    #[test]
    fn a_quantile_is_linear_within_its_bucket() {
        let histogram = Histogram::from_iter([(0.00256, 180.0), (0.00512, 200.0), (ALL, 200.0)]);
        let p99_ns = histogram.quantile(0.99).unwrap().as_nanos();
        assert!(p99_ns.abs_diff(4_864_000) <= 1, "{p99_ns}");
        assert_eq!(histogram.quantile(0.9), Some(Duration::from_micros(2_560)));
    }

    #[test]
    fn what_is_gained_is_the_difference_unless_it_was_started_again() {
        let before = Histogram::from_iter([(0.1, 5.0), (ALL, 9.0)]);
        let after = Histogram::from_iter([(0.1, 6.0), (ALL, 12.0)]);
        assert_eq!(after.gained_since(&before).buckets(), [(0.1, 1.0), (ALL, 3.0)]);
        assert_eq!(before.gained_since(&after), before);
        let other_bounds = Histogram::from_iter([(0.2, 50.0), (ALL, 90.0)]);
        assert_eq!(other_bounds.gained_since(&before), other_bounds);
        assert_eq!(after.gained_since(&Histogram::default()), after);
    }

    #[test]
    fn merging_adds_the_counts_of_each_bound_and_is_bounded() {
        let mut sum = Histogram::from_iter([(0.1, 5.0), (ALL, 9.0)]);
        sum.merge(&Histogram::from_iter([(ALL, 1.0), (0.1, 1.0)]));
        assert_eq!(sum.buckets(), [(0.1, 6.0), (ALL, 10.0)]);
        sum.merge(&(0..10_000).map(|n| (f64::from(n), 1.0)).collect());
        sum.add(f64::NAN, 1.0);
        assert_eq!(sum.buckets().len(), BUCKETS_MAX);
    }
}
