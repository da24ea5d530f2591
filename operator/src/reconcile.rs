// dereference (client required) → validate → build → apply (client required) →
// update_status (client required)

//! One pass over one job. Every step is a file with its own error; the label of the step that
//! failed goes to the metrics.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{DeserializeGuard, error_boundary::InvalidObject};
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};

use crate::context::Context;
use crate::crd::StreamingJob;
use crate::events::Announcement;
use memory::JobMemory;

pub use apply::ApplyError;
pub use build::{BuildError, Desired};
pub use dereference::DereferenceError;
pub use update_status::UpdateStatusError;
pub use validate::Problems;

pub mod apply;
pub mod build;
mod conditions;
pub mod dereference;
pub mod finalize;
pub(crate) mod memory;
pub mod update_status;
pub mod validate;

/// Field manager of everything that the operator applies.
pub const FIELD_MANAGER: &str = "stormgauge-operator";

/// Time between two looks at a job whose spec was refused.
const REFUSED_LOOK: Duration = Duration::from_secs(30);

/// Why a pass failed: one variant for each step.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// Reading what is there failed.
    #[error("failed to dereference: {0}")]
    Dereference(#[from] DereferenceError),
    /// Composing what should be there failed.
    #[error("failed to build: {0}")]
    Build(#[from] BuildError),
    /// Applying it failed.
    #[error("failed to apply: {0}")]
    Apply(#[from] ApplyError),
    /// Reporting failed.
    #[error("failed to update status: {0}")]
    UpdateStatus(#[from] UpdateStatusError),
    /// Adding or removing the finalizer, or draining, failed.
    #[error("failed to finalize: {0}")]
    Finalize(#[from] finalize::FinalizeError),
}

impl ReconcileError {
    /// The step, for metrics.
    #[must_use]
    pub fn step(&self) -> &'static str {
        match self {
            Self::Dereference(_) => "dereference",
            Self::Build(_) => "build",
            Self::Apply(_) => "apply",
            Self::UpdateStatus(_) => "update_status",
            Self::Finalize(_) => "finalize",
        }
    }
}

/// One pass over one job; says when to come back.
///
/// # Errors
/// The step that failed. A spec that is wrong is no error of the pass: it becomes a condition.
pub async fn reconcile(
    job: Arc<DeserializeGuard<StreamingJob>>,
    context: Arc<Context>,
) -> Result<Action, ReconcileError> {
    let started = context.clock.now();
    let result = pass(&job, &context).await;
    let elapsed = context.clock.now().saturating_sub(started);
    context.metrics.reconciled(&result, elapsed);
    if let Err(error) = &result {
        let namespace = job.namespace().unwrap_or_default();
        tracing::warn!(job = job.name_any(), namespace, step = error.step(), %error, "pass failed");
    }
    result
}

async fn pass(
    guard: &DeserializeGuard<StreamingJob>,
    context: &Context,
) -> Result<Action, ReconcileError> {
    let memory = context.memories.of(guard.meta(), context.clock.now());
    let mut memory = memory.lock().await;
    if guard.meta().deletion_timestamp.is_some() {
        let action = finalize::drain(guard.meta(), context, &mut memory).await?;
        return Ok(action);
    }
    let result = match &guard.0 {
        Ok(job) => serve(job, context, &mut memory).await,
        Err(invalid) => unreadable(invalid, context, &mut memory).await,
    };
    memory.failures = if result.is_err() { memory.failures.saturating_add(1) } else { 0 };
    result
}

async fn serve(
    job: &StreamingJob,
    context: &Context,
    memory: &mut JobMemory,
) -> Result<Action, ReconcileError> {
    finalize::ensure(&job.metadata, context).await?;
    let started = context.clock.now();
    let found = dereference::dereference(job, context, memory).await?;
    let valid = match validate::validate(job, &found) {
        Ok(valid) => valid,
        Err(problems) => {
            context.metrics.refused_spec();
            return refuse(&job.metadata, job, &problems, context, memory).await;
        }
    };
    memory.refused = None;
    let looked = found.observation.is_some();
    let desired = build::build(&valid, &found, memory)?;
    let applied = apply::apply(&valid, &found, &desired, context).await?;
    if let Some(decision) = &desired.decision {
        let now = context.clock.timestamp();
        context.metrics.decided(&valid, decision, &found);
        if memory.record_decision(&valid, decision, found.observation.as_ref(), now) {
            context.events.publish(job, &Announcement::scaled(&valid, decision)).await;
        }
    }
    update_status::update_status(job, &valid, &applied, context, memory).await?;
    if looked {
        memory.last_look = Some(started);
    }
    let since = context.clock.now().saturating_sub(memory.last_look.unwrap_or(started));
    let wait = valid.plan.limits.sync_period.saturating_sub(since);
    Ok(Action::requeue(wait.max(Duration::from_millis(10))))
}

/// The spec is wrong in a way that admission could not tell. What runs is left running.
async fn refuse(
    metadata: &ObjectMeta,
    job: &StreamingJob,
    problems: &Problems,
    context: &Context,
    memory: &mut JobMemory,
) -> Result<Action, ReconcileError> {
    let message = problems.to_string();
    tracing::warn!(job = job.name_any(), message, "spec refused");
    if memory.refused.as_ref() != Some(&message) {
        context.events.publish(job, &Announcement::refused(&message)).await;
    }
    update_status::update_refused(metadata, job.status.as_ref(), &message, context, memory).await?;
    // What stands in the way may be an object that is not watched.
    Ok(Action::requeue(REFUSED_LOOK))
}

async fn unreadable(
    invalid: &InvalidObject,
    context: &Context,
    memory: &mut JobMemory,
) -> Result<Action, ReconcileError> {
    context.metrics.refused_spec();
    let message = format!("spec: {}; correct the field and apply again", invalid.error);
    update_status::update_refused(&invalid.metadata, None, &message, context, memory).await?;
    Ok(Action::await_change())
}

/// When to try again after a failed pass: twice as long each time, up to half a minute.
#[must_use]
pub fn retry(
    job: Arc<DeserializeGuard<StreamingJob>>,
    _: &ReconcileError,
    context: Arc<Context>,
) -> Action {
    let failures = context.memories.failures(job.meta());
    let wait = Duration::from_millis(500) * 2_u32.pow(failures.min(6));
    Action::requeue(wait.min(Duration::from_secs(30)))
}
