//! Service time by sleeping, with an exact mean.
//!
//! A sleep of a fraction of a millisecond takes far longer than asked. So service times are
//! added to a debt, which is slept off when it exceeds a millisecond, and what the sleep really
//! took is credited: oversleeping makes the next records quicker. The mean rate is exact; a
//! single record's time is only right to about a millisecond.

use std::time::Duration;

use crate::clock;

/// The debt that is worth a sleep.
const WORTH_SLEEPING_NS: i64 = 1_000_000;
/// Most credit kept: a process that was stopped for seconds did not work ahead.
const CREDIT_NS_MAX: i64 = 50_000_000;

/// How a debt is slept off; real or, in tests, imagined.
pub(crate) trait Sleeper {
    /// Sleeps and returns how long it really took.
    fn sleep(&mut self, wanted: Duration) -> Duration;
}

/// Sleeps on the machine's clock.
#[derive(Debug)]
pub(crate) struct RealSleeper;

impl Sleeper for RealSleeper {
    fn sleep(&mut self, wanted: Duration) -> Duration {
        clock::sleep(wanted)
    }
}

/// Service time owed.
#[derive(Debug)]
pub(crate) struct Debt<S> {
    owed_ns: i64,
    sleeper: S,
}

impl<S: Sleeper> Debt<S> {
    pub(crate) fn new(sleeper: S) -> Self {
        Self { owed_ns: 0, sleeper }
    }

    /// Owes one more service time, and sleeps if that is worth it. Returns how long it slept,
    /// which is for this record and for those before it.
    pub(crate) fn serve(&mut self, service_ns: u64) -> Duration {
        self.owed_ns = self.owed_ns.saturating_add(i64::try_from(service_ns).unwrap_or(i64::MAX));
        if self.owed_ns < WORTH_SLEEPING_NS {
            return Duration::ZERO;
        }
        let slept = self.sleeper.sleep(Duration::from_nanos(self.owed_ns.unsigned_abs()));
        let slept_ns = i64::try_from(slept.as_nanos()).unwrap_or(i64::MAX);
        self.owed_ns = self.owed_ns.saturating_sub(slept_ns).max(-CREDIT_NS_MAX);
        slept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Oversleeps by a fixed amount and adds up the time.
    struct Imagined {
        overshoot: Duration,
        slept: Duration,
        sleeps: u32,
    }

    impl Sleeper for Imagined {
        fn sleep(&mut self, wanted: Duration) -> Duration {
            let took = wanted + self.overshoot;
            self.slept += took;
            self.sleeps += 1;
            took
        }
    }

    fn imagined(overshoot: Duration) -> Debt<Imagined> {
        Debt::new(Imagined { overshoot, slept: Duration::ZERO, sleeps: 0 })
    }

    #[test]
    fn the_mean_is_exact_however_much_each_sleep_overshoots() {
        for overshoot_us in [0, 60, 900, 20_000] {
            let mut debt = imagined(Duration::from_micros(overshoot_us));
            for _ in 0..1_000_000 {
                debt.serve(200_000);
            }
            let wrong = debt.sleeper.slept.abs_diff(Duration::from_secs(200));
            assert!(wrong < Duration::from_millis(22), "{wrong:?} at {overshoot_us} µs");
        }
    }

    #[test]
    fn it_sleeps_about_once_a_millisecond_not_once_a_record() {
        let mut debt = imagined(Duration::ZERO);
        for _ in 0..10_000 {
            debt.serve(100_000);
        }
        assert_eq!(debt.sleeper.sleeps, 1_000);
    }

    #[test]
    fn a_long_service_time_is_slept_at_once() {
        let mut debt = imagined(Duration::ZERO);
        assert_eq!(debt.serve(400_000), Duration::ZERO);
        assert_eq!(debt.serve(5_000_000), Duration::from_micros(5_400));
        assert_eq!(debt.sleeper.slept, Duration::from_micros(5_400));
    }

    #[test]
    fn being_stopped_for_seconds_earns_no_more_than_the_bound() {
        let mut debt = imagined(Duration::from_secs(10));
        debt.serve(1_000_000);
        debt.sleeper.overshoot = Duration::ZERO;
        for _ in 0..100 {
            debt.serve(1_000_000);
        }
        assert_eq!(debt.sleeper.slept - Duration::from_millis(10_001), Duration::from_millis(50));
    }

    #[test]
    fn no_service_time_means_no_sleep() {
        let mut debt = imagined(Duration::ZERO);
        assert!((0..1_000_000).all(|_| debt.serve(0).is_zero()));
        assert_eq!(debt.sleeper.sleeps, 0);
    }
}
