//! Unrecorded: a result that a recorder of response times does not hold.
//!
//! A recorder that drops what it deems too slow makes every quantile look better. It must hold as
//! many samples as there are distinct results, by the ledger's count and not its own, and its
//! largest must be the slowest result.

use results::Latencies;
use results::latencies::LATENCY_US_MAX;

/// Keeps the slowest response time by itself. Takes eight bytes.
#[derive(Debug, Default)]
pub(super) struct Unrecorded {
    slowest_us: i64,
}

impl Unrecorded {
    pub(super) fn note(&mut self, response_us: i64) {
        self.slowest_us = self.slowest_us.max(response_us);
    }

    /// The finding about the worst of several recorders of the same `results` results.
    pub(super) fn count(&self, results: u64, recorders: &[&Latencies]) -> u64 {
        let of = |recorder: &&Latencies| {
            let missing = results.abs_diff(recorder.count());
            missing.max(u64::from(results > 0 && !self.has_slowest(recorder)))
        };
        recorders.iter().map(of).max().unwrap_or(0)
    }

    fn has_slowest(&self, recorder: &Latencies) -> bool {
        let slowest_us = u64::try_from(self.slowest_us).unwrap_or(0).min(LATENCY_US_MAX);
        recorder
            .rank_bounds_us(recorder.count())
            .is_some_and(|(low, high)| (low..=high).contains(&slowest_us))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(samples: &[i64]) -> Latencies {
        let mut latencies = Latencies::new();
        samples.iter().for_each(|sample| latencies.record_us(*sample));
        latencies
    }

    fn found(responses: &[i64], recorders: &[&Latencies]) -> u64 {
        let mut checker = Unrecorded::default();
        responses.iter().for_each(|response| checker.note(*response));
        checker.count(responses.len() as u64, recorders)
    }

    #[test]
    fn recorders_that_hold_every_result_are_silent_at_the_ends_of_their_range_too() {
        for responses in [&[][..], &[0], &[-7, 5, 123_456], &[12_345, i64::MAX]] {
            assert_eq!(found(responses, &[&recorded(responses)]), 0, "{responses:?}");
        }
    }

    #[test]
    fn samples_that_are_missing_or_too_many_are_counted_for_the_worst_recorder() {
        let (all, few, many) =
            (recorded(&[1, 2, 900]), recorded(&[900]), recorded(&[1, 2, 2, 900]));
        assert_eq!(found(&[1, 2, 900], &[&all, &few]), 2);
        assert_eq!(found(&[1, 2, 900], &[&many]), 1);
        assert_eq!(found(&[1, 2, 900], &[&Latencies::new()]), 3);
    }

    #[test]
    fn a_recorder_that_cuts_its_slowest_sample_short_is_found_although_the_counts_agree() {
        assert_eq!(found(&[10, 5_000_000], &[&recorded(&[10, 1_000_000])]), 1);
    }
}
