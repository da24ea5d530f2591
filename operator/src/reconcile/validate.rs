//! Step 2: turns a spec into a valid job, or names every field that is wrong and what to do.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};

use super::build::OWN_VARIABLES;
use super::dereference::Found;
use crate::allocation::{Limits, Objectives, Pace, Plan};
use crate::crd::{DurationText, PaceSpec, ScalingSpec, StreamingJob, StreamingJobSpec};

/// Longest name: the Service and a label carry it.
const NAME_MAX: usize = 63;
/// Most workers of a job.
const WORKERS_MAX: i32 = 1000;
/// Shortest time between two decisions.
const SYNC_MIN: Duration = Duration::from_millis(100);
/// Longest of every duration in a spec.
const DURATION_MAX: Duration = Duration::from_hours(24);
/// Time between two decisions where the spec's cannot be read.
const SYNC_DEFAULT: Duration = Duration::from_secs(15);

/// A job that can be served.
#[derive(Debug, Clone)]
pub struct ValidJob {
    /// Name.
    pub name: String,
    /// Namespace.
    pub namespace: String,
    /// What every owned object points back to.
    pub owner: OwnerReference,
    /// Generation of the spec.
    pub generation: Option<i64>,
    /// What allocation needs.
    pub plan: Plan,
    /// Time that a worker gets to finish.
    pub termination_grace: Duration,
    /// Everything else, as it was asked for.
    pub spec: StreamingJobSpec,
}

/// One wrong field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Path of the field.
    pub field: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// Every wrong field of a spec.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Problem { field, message }) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(formatter, "{separator}{field}: {message}")?;
        }
        Ok(())
    }
}

impl Problems {
    fn add(&mut self, field: &str, message: impl Into<String>) {
        self.0.push(Problem { field: field.to_owned(), message: message.into() });
    }

    fn duration(&mut self, field: &str, text: &DurationText, least: Duration) -> Duration {
        match text.parse() {
            Ok(duration) if duration < least => {
                let least = humantime::format_duration(least);
                self.add(field, format!("{} is too short; at least {least}", text.as_str()));
                duration
            }
            Ok(duration) if duration > DURATION_MAX => {
                self.add(field, format!("{} is too long; at most 24h", text.as_str()));
                DURATION_MAX
            }
            Ok(duration) => duration,
            Err(error) => {
                let text: String = text.as_str().chars().take(64).collect();
                let example = "write a duration such as 500ms or 1m30s";
                self.add(field, format!("{text:?} is no duration ({error}); {example}"));
                SYNC_DEFAULT
            }
        }
    }

    fn count(&mut self, field: &str, value: i32, least: i32) -> u32 {
        if !(least..=WORKERS_MAX).contains(&value) {
            self.add(field, format!("{value} is outside {least} to {WORKERS_MAX}"));
        }
        u32::try_from(value).unwrap_or(0)
    }
}

/// Time between two decisions, also of a spec that is not valid.
#[must_use]
pub fn sync_period(scaling: &ScalingSpec) -> Duration {
    scaling.sync_period.parse().unwrap_or(SYNC_DEFAULT).clamp(SYNC_MIN, DURATION_MAX)
}

/// Checks what admission cannot: names at their limits, durations, numbers that contradict each
/// other, and objects of the same name that belong to somebody else.
///
/// # Errors
/// Every wrong field.
pub fn validate(job: &StreamingJob, found: &Found) -> Result<ValidJob, Problems> {
    let mut problems = Problems::default();
    let spec = &job.spec;
    let name = job.name_any();
    check_name(&name, &mut problems);
    check_source(spec, &mut problems);
    check_worker(spec, &mut problems);
    check_ownership(job, found, &mut problems);
    let grace = problems.duration(
        "spec.worker.terminationGrace",
        &spec.worker.termination_grace,
        Duration::ZERO,
    );
    let plan = plan(spec, &mut problems);
    let owner = job.controller_owner_ref(&());
    if owner.is_none() {
        problems.add("metadata.uid", "is missing; apply the job to an API server");
    }
    match owner {
        Some(owner) if problems.0.is_empty() => Ok(ValidJob {
            name,
            namespace: job.namespace().unwrap_or_default(),
            owner,
            generation: job.metadata.generation,
            plan,
            termination_grace: grace,
            spec: spec.clone(),
        }),
        _ => Err(problems),
    }
}

fn check_name(name: &str, problems: &mut Problems) {
    let plain = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    let starts = name.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
    if name.len() > NAME_MAX || !plain || !starts || name.ends_with('-') {
        let rule = "must be at most 63 lowercase letters, digits and hyphens, and start with a \
                    letter, because the Service of the workers has the same name; rename the job";
        problems.add("metadata.name", rule);
    }
}

fn check_source(spec: &StreamingJobSpec, problems: &mut Problems) {
    let kafka = &spec.source.kafka;
    for address in kafka.bootstrap_servers.split(',') {
        let port = address.trim().rsplit_once(':').map(|(host, port)| (host, port.parse::<u16>()));
        if !matches!(port, Some((host, Ok(port))) if !host.is_empty() && port > 0) {
            let shown: String = address.chars().take(64).collect();
            let message = format!("{shown:?} is no host:port; list brokers as host:port,host:port");
            problems.add("spec.source.kafka.bootstrapServers", message);
        }
    }
    check_topic("spec.source.kafka.topic", &kafka.topic, problems);
    if let Some(sink) = &spec.sink {
        check_topic("spec.sink.kafka.topic", &sink.kafka.topic, problems);
    }
    if kafka.group.is_empty() || kafka.group.len() > 255 {
        problems.add("spec.source.kafka.group", "must have 1 to 255 characters");
    }
}

fn check_topic(field: &str, topic: &str, problems: &mut Problems) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if topic.is_empty() || topic.len() > 249 || !topic.bytes().all(plain) {
        problems.add(field, "must have 1 to 249 letters, digits, dots, underscores and hyphens");
    }
}

fn check_worker(spec: &StreamingJobSpec, problems: &mut Problems) {
    let worker = &spec.worker;
    if worker.image.is_none() && worker.command.is_empty() {
        problems.add("spec.worker.command", "is empty and there is no image; give one of the two");
    }
    if !(1..=65_535).contains(&worker.metrics_port) {
        problems.add("spec.worker.metricsPort", format!("{} is no port", worker.metrics_port));
    }
    if worker.readiness_path.as_ref().is_some_and(|path| !path.starts_with('/')) {
        problems.add("spec.worker.readinessPath", "must start with /");
    }
    let mut names = BTreeSet::new();
    for (index, variable) in worker.env.iter().enumerate() {
        let field = format!("spec.worker.env[{index}].name");
        let name = variable.name.as_str();
        if name.is_empty() || name.contains('=') {
            problems.add(&field, "must not be empty nor contain =");
        } else if OWN_VARIABLES.contains(&name) {
            problems.add(&field, format!("{name} is set by the operator; remove it"));
        } else if !names.insert(name) {
            problems.add(&field, format!("{name} is there twice; keep one"));
        }
    }
}

/// An object of the same name that this job does not control must not be taken over.
fn check_ownership(job: &StreamingJob, found: &Found, problems: &mut Problems) {
    let objects = [
        ("ConfigMap", found.config_map.as_ref().map(ResourceExt::owner_references)),
        ("Service", found.service.as_ref().map(ResourceExt::owner_references)),
        ("Deployment", found.deployment.as_ref().map(ResourceExt::owner_references)),
    ];
    for (kind, owners) in objects {
        let Some(owners) = owners else { continue };
        if !owners.iter().any(|owner| Some(&owner.uid) == job.metadata.uid.as_ref()) {
            let message =
                format!("a {kind} of this name belongs to something else; rename the job");
            problems.add("metadata.name", message);
        }
    }
}

fn plan(spec: &StreamingJobSpec, problems: &mut Problems) -> Plan {
    let scaling = &spec.scaling;
    let min_replicas = problems.count("spec.scaling.minReplicas", scaling.min_replicas, 0);
    let max_replicas = problems.count("spec.scaling.maxReplicas", scaling.max_replicas, 1);
    if min_replicas > max_replicas {
        let message = format!("{min_replicas} is above maxReplicas {max_replicas}; lower it");
        problems.add("spec.scaling.minReplicas", message);
    }
    if !(0.0..=1.0).contains(&scaling.tolerance) {
        let message = format!("{} is no share between 0 and 1", scaling.tolerance);
        problems.add("spec.scaling.tolerance", message);
    }
    let zero = Duration::ZERO;
    let window = &scaling.stabilization_window;
    let limits = Limits {
        min_replicas,
        max_replicas,
        sync_period: problems.duration("spec.scaling.syncPeriod", &scaling.sync_period, SYNC_MIN),
        stabilization_window: problems.duration("spec.scaling.stabilizationWindow", window, zero),
        cooldown: problems.duration("spec.scaling.cooldown", &scaling.cooldown, zero),
        tolerance: scaling.tolerance,
        up: pace("spec.scaling.up", scaling.up.as_ref(), problems),
        down: pace("spec.scaling.down", scaling.down.as_ref(), problems),
    };
    let mut objective = |field: &str, text: &Option<DurationText>| {
        let field = format!("spec.objectives.{field}");
        text.as_ref().map(|text| problems.duration(&field, text, Duration::from_millis(1)))
    };
    let objectives = Objectives {
        p99_latency: objective("p99Latency", &spec.objectives.p99_latency),
        lag_time: objective("lagTime", &spec.objectives.lag_time),
        recovery: objective("recovery", &spec.objectives.recovery),
    };
    let fixed = scaling.replicas.map(|fixed| problems.count("spec.scaling.replicas", fixed, 0));
    Plan { strategy: spec.strategy.name, limits, objectives, fixed_replicas: fixed }
}

fn pace(field: &str, pace: Option<&PaceSpec>, problems: &mut Problems) -> Pace {
    let Some(pace) = pace else { return Pace::default() };
    let mut positive = |name: &str, value: Option<i32>| {
        if value.is_some_and(|value| value < 1) {
            problems
                .add(&format!("{field}.{name}"), "must be at least 1; leave it out for no limit");
        }
        value.and_then(|value| u32::try_from(value).ok())
    };
    let replicas = positive("replicas", pace.replicas);
    let percent = positive("percent", pace.percent);
    let period = problems.duration(&format!("{field}.period"), &pace.period, SYNC_MIN);
    Pace { replicas, percent, period }
}

#[cfg(test)]
mod tests;
