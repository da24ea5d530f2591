//! When each message is due: a piecewise constant rate, inverted exactly.
//!
//! The plan is a closed form in integers. With rates in millionths of a message a second, the
//! messages due by time `t` are an integral over segments without rounding, and the time of a
//! message is the first nanosecond at which that integral reaches its number.

use std::time::Duration;

/// One message, in the unit of the integral: millionths of a message a second, nanoseconds.
const MESSAGE: u128 = 1_000_000_000 * 1_000_000;

/// A plan of intended send times, counted from the start of the load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Segment {
    start_ns: u64,
    /// Millionths of a message a second.
    rate_micro: u64,
    /// Integral of the rate up to the start.
    before: u128,
}

impl Arrival {
    /// A plan from its changes: `(from when, rate in messages a second)`, in ascending order of
    /// time. The first change must be at zero; rates are rounded to a millionth.
    pub(crate) fn from_changes(changes: &[(Duration, f64)]) -> Self {
        let mut segments: Vec<Segment> = Vec::with_capacity(changes.len());
        for &(at, rate_per_s) in changes {
            let start_ns = nanoseconds(at);
            let before = segments.last().map_or(0, |segment| segment.integral(start_ns));
            let rate_micro = (rate_per_s * 1e6).round() as u64;
            segments.push(Segment { start_ns, rate_micro, before });
        }
        Self { segments }
    }

    /// When the message at a position is due, in nanoseconds from the start of the load.
    ///
    /// `u64::MAX` if the plan never gets there (its last rate is zero).
    #[must_use]
    pub fn intended_ns(&self, position: u64) -> u64 {
        let target = u128::from(position) * MESSAGE;
        let after = self.segments.partition_point(|segment| segment.before < target);
        let Some(segment) = self.segments.get(after.saturating_sub(1)) else { return u64::MAX };
        let missing = target.saturating_sub(segment.before);
        match (missing, u128::from(segment.rate_micro)) {
            (0, _) => segment.start_ns,
            (_, 0) => u64::MAX,
            (_, rate) => u64::try_from(missing.div_ceil(rate))
                .map_or(u64::MAX, |wait| segment.start_ns.saturating_add(wait)),
        }
    }

    /// Whether the message at a position is due within the microsecond `after_us` from the start of
    /// the load. Multiplies where [`Arrival::intended_ns`] divides, so that it shares no rounding
    /// with it and costs a few nanoseconds.
    #[must_use]
    pub fn is_due_in_us(&self, position: u64, after_us: u64) -> bool {
        let Some(start_ns) = after_us.checked_mul(1_000) else { return false };
        let target = u128::from(position) * MESSAGE;
        let reached = |time_ns| {
            self.segment_at(time_ns).is_some_and(|segment| segment.integral(time_ns) >= target)
        };
        let before = start_ns.checked_sub(1);
        reached(start_ns.saturating_add(999)) && !before.is_some_and(reached)
    }

    /// How many messages are due at or before a time, in nanoseconds from the start of the load.
    #[must_use]
    pub fn due_by_ns(&self, time_ns: u64) -> u64 {
        let integral = self.segment_at(time_ns).map_or(0, |segment| segment.integral(time_ns));
        u64::try_from(integral / MESSAGE).map_or(u64::MAX, |count| count.saturating_add(1))
    }

    /// How many messages are due before the end of a load of this length.
    #[must_use]
    pub fn total(&self, load: Duration) -> u64 {
        nanoseconds(load).checked_sub(1).map_or(0, |last| self.due_by_ns(last))
    }

    fn segment_at(&self, time_ns: u64) -> Option<&Segment> {
        let after = self.segments.partition_point(|segment| segment.start_ns <= time_ns);
        self.segments.get(after.saturating_sub(1))
    }
}

impl Segment {
    fn integral(&self, time_ns: u64) -> u128 {
        let elapsed = u128::from(time_ns.saturating_sub(self.start_ns));
        self.before + elapsed * u128::from(self.rate_micro)
    }
}

pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn a_constant_rate_spaces_messages_evenly() {
        let arrival = Arrival::from_changes(&[(Duration::ZERO, 2000.0)]);
        assert_eq!(arrival.intended_ns(0), 0);
        assert_eq!(arrival.intended_ns(1), 500_000);
        assert_eq!(arrival.intended_ns(60_000), 30_000_000_000);
        assert_eq!(arrival.total(seconds(30)), 60_000);
        assert_eq!(arrival.total(Duration::ZERO), 0);
    }

    #[test]
    fn a_burst_multiplies_the_count_of_its_interval_only() {
        let burst = [(seconds(0), 1000.0), (seconds(2), 10_000.0), (seconds(3), 1000.0)];
        let arrival = Arrival::from_changes(&burst);
        assert_eq!(arrival.total(seconds(2)), 2_000);
        assert_eq!(arrival.total(seconds(3)), 12_000);
        assert_eq!(arrival.total(seconds(5)), 14_000);
        assert_eq!(arrival.intended_ns(2_001), 2_000_100_000);
        assert_eq!(arrival.intended_ns(12_001), 3_001_000_000);
        assert_eq!(arrival.total(Duration::from_millis(2_500)), 7_000);
    }

    #[test]
    fn an_idle_stretch_sends_nothing_and_the_plan_goes_on_after_it() {
        let pause = [(seconds(0), 10.0), (seconds(1), 0.0), (seconds(2), 10.0)];
        let arrival = Arrival::from_changes(&pause);
        assert_eq!(arrival.intended_ns(10), 1_000_000_000);
        assert_eq!(arrival.intended_ns(11), 2_100_000_000);
        let ends_idle = Arrival::from_changes(&pause[..2]);
        assert_eq!(ends_idle.intended_ns(11), u64::MAX);
        assert_eq!(ends_idle.total(seconds(1000)), 11);
    }

    #[test]
    fn a_rate_that_does_not_divide_a_second_never_drifts() {
        let arrival = Arrival::from_changes(&[(Duration::ZERO, 3.0)]);
        assert_eq!(arrival.intended_ns(3_000_000), 1_000_000_000_000_000);
    }

    fn changes() -> impl Strategy<Value = Vec<(Duration, f64)>> {
        let change = (1_u64..20_000_000_000, prop_oneof![Just(0.0), 0.001..2_000_000.0_f64]);
        (0.001..2_000_000.0_f64, prop::collection::vec(change, 0..6)).prop_map(|(base, later)| {
            let mut changes = vec![(Duration::ZERO, base)];
            let mut sorted = later;
            sorted.sort_by_key(|change| change.0);
            changes.extend(sorted.into_iter().map(|(at, rate)| (Duration::from_nanos(at), rate)));
            changes
        })
    }

    proptest! {
        #[test]
        fn counting_by_time_and_timing_by_count_are_inverse(
            changes in changes(), time_ns in 0_u64..30_000_000_000,
        ) {
            let arrival = Arrival::from_changes(&changes);
            let due = arrival.due_by_ns(time_ns);
            prop_assert!(arrival.intended_ns(due - 1) <= time_ns);
            prop_assert!(arrival.intended_ns(due) > time_ns);
        }

        #[test]
        fn a_message_is_due_in_the_microsecond_of_its_time_and_in_no_other(
            changes in changes(), position in 0_u64..100_000_000, off_us in 1_u64..1_000_000,
        ) {
            let arrival = Arrival::from_changes(&changes);
            let due_us = arrival.intended_ns(position) / 1_000;
            prop_assume!(due_us < u64::MAX / 1_000);
            prop_assert!(arrival.is_due_in_us(position, due_us));
            prop_assert!(!arrival.is_due_in_us(position, due_us + off_us));
            prop_assert!(due_us < off_us || !arrival.is_due_in_us(position, due_us - off_us));
        }

        #[test]
        fn times_never_go_back(changes in changes(), position in 0_u64..100_000_000) {
            let arrival = Arrival::from_changes(&changes);
            prop_assert!(arrival.intended_ns(position) <= arrival.intended_ns(position + 1));
        }

        #[test]
        fn the_total_is_the_number_of_messages_due_within_the_load(
            changes in changes(), load_ns in 1_u64..30_000_000_000,
        ) {
            let arrival = Arrival::from_changes(&changes);
            let total = arrival.total(Duration::from_nanos(load_ns));
            prop_assert!(total == 0 || arrival.intended_ns(total - 1) < load_ns);
            prop_assert!(arrival.intended_ns(total) >= load_ns);
        }
    }
}
