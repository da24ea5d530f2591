//! Step 5 (client required): reports what is there, if it differs from what was reported.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use kube::Api;
use kube::api::{Patch, PatchParams};
use kube::core::DeserializeGuard;
use serde_json::json;

use super::FIELD_MANAGER;
use super::apply::Applied;
use super::build::selector;
use super::conditions::{Report, conditions};
use super::memory::{JobMemory, count};
use super::validate::ValidJob;
use crate::context::Context;
use crate::crd::{StreamingJob, StreamingJobStatus};

/// Looks in a row without lag before a job counts as degraded: one may fall into an election.
const BLIND_LOOKS: u32 = 3;

/// Why reporting failed.
#[derive(Debug, thiserror::Error)]
pub enum UpdateStatusError {
    /// The API server refused or did not answer.
    #[error("writing the status: {0}")]
    Write(#[from] Box<kube::Error>),
    /// The object has no name or namespace.
    #[error("the job has no name or namespace")]
    Nameless,
}

/// Reports a job that is served.
///
/// # Errors
/// If the API server refuses the status or does not answer.
pub(crate) async fn update_status(
    job: &StreamingJob,
    valid: &ValidJob,
    applied: &Applied,
    context: &Context,
    memory: &mut JobMemory,
) -> Result<(), UpdateStatusError> {
    let workers = Workers::of(&applied.deployment);
    let before = job.status.as_ref();
    adopt_decisions(before, memory);
    let known = known_conditions(before, memory);
    let reports = vec![ready(&workers), progressing(&workers), degraded(memory)];
    let now = context.clock.timestamp();
    let status = StreamingJobStatus {
        observed_generation: valid.generation,
        conditions: conditions(&known, reports, valid.generation, now),
        active_strategy: Some(valid.plan.strategy),
        replicas: workers.existing,
        desired_replicas: workers.desired,
        ready_replicas: workers.ready,
        lag_records: memory.lag_records.map(two_digits),
        selector: Some(selector(&valid.name)),
        decisions: memory.decisions.iter().cloned().collect(),
    };
    memory.conditions = Some(status.conditions.clone());
    if before == Some(&status) {
        return Ok(());
    }
    write(&job.metadata, &status, context).await
}

/// Reports a spec that cannot be served. Whatever ran is left alone and so is its report.
///
/// # Errors
/// If the API server refuses the status or does not answer.
pub(crate) async fn update_refused(
    metadata: &ObjectMeta,
    before: Option<&StreamingJobStatus>,
    message: &str,
    context: &Context,
    memory: &mut JobMemory,
) -> Result<(), UpdateStatusError> {
    let known = known_conditions(before, memory);
    let now = context.clock.timestamp();
    let report = |type_, status, reason, message: &str| Report {
        type_,
        status,
        reason,
        message: message.to_owned(),
    };
    let reports = vec![
        report("Ready", false, "InvalidSpec", "the spec is not in force"),
        report("Progressing", false, "InvalidSpec", "nothing changes until the spec is corrected"),
        report("Degraded", true, "InvalidSpec", message),
    ];
    adopt_decisions(before, memory);
    let status = StreamingJobStatus {
        observed_generation: metadata.generation,
        conditions: conditions(&known, reports, metadata.generation, now),
        decisions: memory.decisions.iter().cloned().collect(),
        ..before.cloned().unwrap_or_default()
    };
    let unchanged = memory.refused.as_deref() == Some(message) && memory.conditions.is_some();
    let written = before == Some(&status) || (before.is_none() && unchanged);
    memory.conditions = Some(status.conditions.clone());
    memory.refused = Some(message.to_owned());
    if written { Ok(()) } else { write(metadata, &status, context).await }
}

async fn write(
    metadata: &ObjectMeta,
    status: &StreamingJobStatus,
    context: &Context,
) -> Result<(), UpdateStatusError> {
    let (Some(name), Some(namespace)) = (&metadata.name, &metadata.namespace) else {
        return Err(UpdateStatusError::Nameless);
    };
    let object = json!({
        "apiVersion": "streaming.stormgauge.dev/v1alpha1",
        "kind": "StreamingJob",
        "metadata": {"name": name},
        "status": status,
    });
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    // The answer may be an object that does not read as a job; it is not needed.
    Api::<DeserializeGuard<StreamingJob>>::namespaced(context.client.clone(), namespace)
        .patch_status(name, &parameters, &Patch::Apply(object))
        .await
        .map_err(Box::new)?;
    context.metrics.wrote_status();
    Ok(())
}

/// After a restart the decisions so far are in the status.
fn adopt_decisions(before: Option<&StreamingJobStatus>, memory: &mut JobMemory) {
    if memory.conditions.is_some() {
        return;
    }
    let Some(before) = before else { return };
    let room = StreamingJobStatus::DECISIONS_MAX.saturating_sub(memory.decisions.len());
    for decision in before.decisions.iter().rev().take(room) {
        memory.decisions.push_front(decision.clone());
    }
}

/// A cached object may be older than what was written last.
fn known_conditions(before: Option<&StreamingJobStatus>, memory: &JobMemory) -> Vec<Condition> {
    let cached = || before.map(|status| status.conditions.clone());
    memory.conditions.clone().or_else(cached).unwrap_or_default()
}

struct Workers {
    desired: i32,
    existing: i32,
    updated: i32,
    ready: i32,
    /// Whether the Deployment's status speaks of its present spec.
    current: bool,
}

impl Workers {
    fn of(deployment: &Deployment) -> Self {
        let status = deployment.status.clone().unwrap_or_default();
        let desired = deployment.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        Self {
            desired,
            existing: status.replicas.unwrap_or(0),
            updated: status.updated_replicas.unwrap_or(0),
            ready: status.ready_replicas.unwrap_or(0),
            current: status.observed_generation >= deployment.metadata.generation,
        }
    }
}

fn ready(workers: &Workers) -> Report {
    let Workers { desired, ready, .. } = *workers;
    let (status, reason, message) = if desired == 0 {
        (true, "AtRest", "scaled to zero; it wakes when records wait".to_owned())
    } else if ready >= desired {
        (true, "WorkersReady", format!("{desired} of {desired} workers ready"))
    } else {
        (false, "WorkersNotReady", format!("{ready} of {desired} workers ready"))
    };
    Report { type_: "Ready", status, reason, message }
}

fn progressing(workers: &Workers) -> Report {
    let Workers { desired, existing, updated, ready, current } = *workers;
    let settled = current && existing == desired && updated >= desired && ready >= desired;
    let (status, reason, message) = if settled {
        (false, "Settled", "the workers are as decided".to_owned())
    } else if current && existing == desired && updated < desired {
        (true, "RollingOut", format!("{updated} of {desired} workers are up to date"))
    } else {
        (true, "Scaling", format!("{existing} workers exist, {ready} ready, {desired} decided"))
    };
    Report { type_: "Progressing", status, reason, message }
}

fn degraded(memory: &JobMemory) -> Report {
    if memory.blind_looks < BLIND_LOOKS {
        let message = "the spec is valid and the source is visible".to_owned();
        return Report { type_: "Degraded", status: false, reason: "AsExpected", message };
    }
    let held = count(memory.desired.unwrap_or(0));
    let message = format!(
        "{}; not going below {held} workers; check spec.source.kafka and that brokers answer",
        memory.blindness
    );
    Report { type_: "Degraded", status: true, reason: "LagNotVisible", message }
}

/// Two significant digits: enough to read, and still most of the time.
fn two_digits(lag: u64) -> i64 {
    let mut unit = 1_u64;
    while lag / unit >= 100 {
        unit = unit.saturating_mul(10);
    }
    i64::try_from(lag / unit * unit).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_shown_to_two_digits() {
        let shown: Vec<i64> = [0, 7, 42, 99, 1234, 98_765].into_iter().map(two_digits).collect();
        assert_eq!(shown, [0, 7, 42, 99, 1200, 98_000]);
        let _ = two_digits(u64::MAX);
    }
}
