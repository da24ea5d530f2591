//! What conditions of faults are told about a trial under way.

use super::TrialPlan;
use super::phases::Phases;
use super::sampler::due_by;
use crate::clock::Anchor;
use crate::environment::Environment;
use chaos::{PlannedFault, Reading};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use workloads::Workload;

/// How old a reading may be: however many conditions ask, the environment is asked no oftener.
const FRESH_FOR: Duration = Duration::from_millis(10);
/// Where the number of workers is not known yet.
const UNKNOWN: u64 = u64::MAX;

/// A trial as conditions see it.
pub(super) struct Outlook<'a> {
    pub(super) phases: Arc<Phases>,
    environment: &'a dyn Environment,
    workload: &'a Workload,
    anchor: Anchor,
    replicas: AtomicU64,
    latest: Mutex<Option<(Duration, Reading)>>,
}

impl<'a> Outlook<'a> {
    /// Before anything has happened.
    pub(super) fn new(
        plan: &'a TrialPlan,
        environment: &'a dyn Environment,
        anchor: Anchor,
        faults: &[PlannedFault],
    ) -> Self {
        let spec = &plan.scenario.spec;
        let shape = &spec.workload.arrival.shape;
        Self {
            phases: Arc::new(Phases::new(spec.warm_up, spec.duration, shape, faults)),
            environment,
            workload: &plan.scenario.workload,
            anchor,
            replicas: AtomicU64::new(UNKNOWN),
            latest: Mutex::default(),
        }
    }

    /// So many workers exist now.
    pub(super) fn note_replicas(&self, existing: u32) {
        self.replicas.store(u64::from(existing), Ordering::Relaxed);
    }

    /// What is known now.
    pub(super) fn reading(&self) -> Reading {
        let now = self.anchor.elapsed();
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        match *latest {
            Some((at, reading)) if now.saturating_sub(at) < FRESH_FOR => reading,
            _ => {
                let reading = self.look(now);
                *latest = Some((now, reading));
                reading
            }
        }
    }

    fn look(&self, now: Duration) -> Reading {
        let lag_records = self.environment.lag_records();
        Reading {
            phase: self.phases.of_load(now),
            lag_records: Some(lag_records),
            lag_time: Some(lag_time(self.workload, now, lag_records)),
            replicas: u32::try_from(self.replicas.load(Ordering::Relaxed)).ok(),
        }
    }
}

/// How long the oldest message has waited that is not committed: brokers do not tell, so it is
/// taken to be the one that was due as many messages ago as the lag has records.
fn lag_time(workload: &Workload, now: Duration, lag_records: u64) -> Duration {
    if lag_records == 0 {
        return Duration::ZERO;
    }
    let oldest = due_by(workload, now).saturating_sub(lag_records);
    now.saturating_sub(Duration::from_nanos(workload.arrival().intended_ns(oldest)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::builtin;
    use crate::scenario::validated::{Overrides, ValidatedScenario};

    #[test]
    fn the_lag_in_time_is_as_old_as_the_lag_in_records() {
        let text = builtin::scenario("durability-acks-all").unwrap();
        let scenario = ValidatedScenario::parse("it", text, &Overrides::default()).unwrap();
        let seconds = Duration::from_secs;
        // Two thousand messages a second.
        let lag = |records| lag_time(&scenario.workload, seconds(6), records);
        assert_eq!(lag(0), Duration::ZERO);
        let close = |time: Duration, expected| time.abs_diff(expected) < Duration::from_millis(2);
        assert!(close(lag(4000), seconds(2)), "{:?}", lag(4000));
        assert!(close(lag(u64::MAX), seconds(6)), "{:?}", lag(u64::MAX));
    }
}
