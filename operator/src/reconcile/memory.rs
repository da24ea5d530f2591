//! What the operator remembers of each job between passes: bounded, by the job's uid, dropped
//! when the job is deleted.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta, Time};

use super::validate::ValidJob;
use crate::allocation::{Decision, Observation, State, Strategy};
use crate::crd::{DecisionRecord, ObservationSummary, StreamingJobStatus};
use crate::observe::ObserverMemory;

/// Jobs remembered; beyond it the one not seen for longest starts to learn anew.
const JOBS_MAX: usize = 20_000;

/// Memories of all jobs.
#[derive(Debug, Default)]
pub(crate) struct Memories {
    jobs: Mutex<HashMap<String, Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    memory: Arc<tokio::sync::Mutex<JobMemory>>,
    last_use: Duration,
}

/// Memory of one job.
#[derive(Debug, Default)]
pub(crate) struct JobMemory {
    pub(crate) observer: ObserverMemory,
    pub(crate) state: State,
    /// When brokers and workers were last asked.
    pub(crate) last_look: Option<Duration>,
    /// The generation and strategy of the last decision.
    pub(crate) decided_for: Option<(Option<i64>, Strategy)>,
    /// Workers last decided on.
    pub(crate) desired: Option<u32>,
    pub(crate) decisions: VecDeque<DecisionRecord>,
    /// Conditions last written; newer than those of a cached object may be.
    pub(crate) conditions: Option<Vec<Condition>>,
    pub(crate) lag_records: Option<u64>,
    /// Looks in a row that saw no lag, and why the last one did not.
    pub(crate) blind_looks: u32,
    pub(crate) blindness: String,
    /// The message of a spec that was refused.
    pub(crate) refused: Option<String>,
    pub(crate) draining_since: Option<Duration>,
    pub(crate) failures: u32,
}

impl Memories {
    /// The memory of a job, made if there is none.
    pub(crate) fn of(&self, job: &ObjectMeta, now: Duration) -> Arc<tokio::sync::Mutex<JobMemory>> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(job);
        if jobs.len() >= JOBS_MAX && !jobs.contains_key(&key) {
            let oldest = jobs.iter().min_by_key(|(_, kept)| kept.last_use);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                jobs.remove(&oldest);
            }
        }
        let kept = jobs.entry(key).or_default();
        kept.last_use = now;
        kept.memory.clone()
    }

    pub(crate) fn clear(&self) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) fn forget(&self, job: &ObjectMeta) {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner).remove(&key(job));
    }

    /// Failed passes in a row; zero while a pass is running.
    pub(crate) fn failures(&self, job: &ObjectMeta) -> u32 {
        let jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        let memory = jobs.get(&key(job)).map(|kept| kept.memory.clone());
        memory.and_then(|memory| memory.try_lock().ok().map(|memory| memory.failures)).unwrap_or(0)
    }
}

fn key(job: &ObjectMeta) -> String {
    job.uid
        .clone()
        .unwrap_or_else(|| format!("{:?}/{:?}", job.namespace.as_deref(), job.name.as_deref()))
}

impl JobMemory {
    /// Whether it is time to look at brokers and workers and to decide.
    pub(crate) fn is_due(
        &self,
        now: Duration,
        sync_period: Duration,
        generation: Option<i64>,
    ) -> bool {
        let changed = self.decided_for.is_none_or(|(decided, _)| decided != generation);
        // Coming back a little early is no reason to come back again.
        let early = sync_period / 20;
        changed || self.last_look.is_none_or(|last| now.saturating_sub(last) + early >= sync_period)
    }

    /// Remembers what a look saw, for status.
    pub(crate) fn record_look(&mut self, observation: &Observation) {
        self.lag_records = observation.lag_records;
        if observation.lag_records.is_some() {
            self.blind_looks = 0;
        } else {
            self.blind_looks = self.blind_looks.saturating_add(1);
            self.blindness = observation.missing.join("; ");
        }
    }

    /// Keeps a decision if it changes the workers or the strategy; says whether it did.
    pub(crate) fn record_decision(
        &mut self,
        job: &ValidJob,
        decision: &Decision,
        observation: Option<&Observation>,
        now: Timestamp,
    ) -> bool {
        let strategy = job.plan.strategy;
        let before = self.decided_for.replace((job.generation, strategy));
        self.desired = Some(decision.replicas);
        let switched = before.is_some_and(|(_, before)| before != strategy);
        if decision.from == decision.replicas && !switched {
            return false;
        }
        if self.decisions.len() >= StreamingJobStatus::DECISIONS_MAX {
            self.decisions.pop_front();
        }
        self.decisions.push_back(DecisionRecord {
            time: Time(whole_seconds(now)),
            from: count(decision.from),
            to: count(decision.replicas),
            reason: decision.reason.clone(),
            strategy,
            observation: observation.map(summary).unwrap_or_default(),
        });
        true
    }
}

/// Times in the API are whole seconds.
pub(crate) fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// A number of workers as the API writes it.
pub(crate) fn count(workers: u32) -> i32 {
    i32::try_from(workers).unwrap_or(i32::MAX)
}

fn summary(observation: &Observation) -> ObservationSummary {
    let tenths = |value: Option<f64>| {
        value.filter(|value| value.is_finite()).map(|value| (value * 10.0).round() / 10.0)
    };
    // Float to integer casts saturate, and rates and shares are small.
    let share = observation.busy_share.filter(|share| share.is_finite());
    let service = observation.service_time_s.filter(|service| service.is_finite());
    let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    ObservationSummary {
        lag_records: observation.lag_records.map(|lag| i64::try_from(lag).unwrap_or(i64::MAX)),
        lag_time_ms: observation.lag_time.map(millis),
        arrival_rate_per_s: tenths(observation.arrival_rate_per_s),
        processed_rate_per_s: tenths(observation.processed_rate_per_s),
        busy_percent: share.map(|share| (share * 100.0).round() as i32),
        service_time_us: service.map(|service| (service * 1e6).round() as i64),
        p99_latency_ms: observation.p99_latency.map(millis),
        ready_replicas: count(observation.ready_replicas),
        missing: observation.missing.clone(),
    }
}
