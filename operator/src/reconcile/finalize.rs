//! The finalizer: a deleted job first stops its workers, within a limit of time, so that they
//! commit what they have. It cannot hang: past the limit the job goes whatever happens.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use kube::core::DeserializeGuard;
use kube::runtime::controller::Action;
use serde_json::json;

use super::FIELD_MANAGER;
use super::build::selector;
use super::memory::JobMemory;
use crate::context::Context;
use crate::crd::StreamingJob;

/// Name of the finalizer.
pub const FINALIZER: &str = "streaming.stormgauge.dev/drain";
/// Longest that a deleted job waits for its workers.
const DRAIN_MAX: Duration = Duration::from_secs(30);
/// Time between two looks at them.
const DRAIN_LOOK: Duration = Duration::from_millis(500);

/// Why the finalizer could not be set or removed.
#[derive(Debug, thiserror::Error)]
pub enum FinalizeError {
    /// The API server refused or did not answer.
    #[error("writing the finalizers: {0}")]
    Write(#[from] Box<kube::Error>),
    /// The object has no name or namespace.
    #[error("the job has no name or namespace")]
    Nameless,
}

/// Adds the finalizer if it is not there.
pub(crate) async fn ensure(job: &ObjectMeta, context: &Context) -> Result<(), FinalizeError> {
    let mut finalizers = job.finalizers.clone().unwrap_or_default();
    if finalizers.iter().any(|finalizer| finalizer == FINALIZER) {
        return Ok(());
    }
    finalizers.push(FINALIZER.to_owned());
    write(job, &finalizers, context).await
}

/// Stops the workers of a deleted job, waits for them up to the limit, and lets the job go.
pub(crate) async fn drain(
    job: &ObjectMeta,
    context: &Context,
    memory: &mut JobMemory,
) -> Result<Action, FinalizeError> {
    let finalizers = job.finalizers.clone().unwrap_or_default();
    if !finalizers.iter().any(|finalizer| finalizer == FINALIZER) {
        context.forget(job);
        return Ok(Action::await_change());
    }
    let now = context.clock.now();
    let since = *memory.draining_since.get_or_insert(now);
    let late = now.saturating_sub(since) >= DRAIN_MAX;
    if !late && !stopped(job, context).await {
        return Ok(Action::requeue(DRAIN_LOOK));
    }
    if late {
        tracing::warn!(job = job.name.as_deref(), "workers did not stop in time; letting go");
    }
    let others: Vec<String> =
        finalizers.into_iter().filter(|finalizer| finalizer != FINALIZER).collect();
    write(job, &others, context).await?;
    context.forget(job);
    Ok(Action::await_change())
}

/// Asks the workers to stop and says whether none is left. An API server that does not answer
/// counts as "not yet": the limit of time decides.
async fn stopped(job: &ObjectMeta, context: &Context) -> bool {
    let (Some(name), Some(namespace)) = (&job.name, &job.namespace) else { return true };
    let deployments = Api::<Deployment>::namespaced(context.client.clone(), namespace);
    let Ok(deployment) = deployments.get_opt(name).await else { return false };
    let ours = deployment.filter(|deployment| {
        let owners = deployment.metadata.owner_references.as_deref().unwrap_or_default();
        owners.iter().any(|owner| Some(&owner.uid) == job.uid.as_ref())
    });
    let Some(deployment) = ours else { return true };
    if deployment.spec.is_some_and(|spec| spec.replicas != Some(0)) {
        let parameters =
            PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..Default::default() };
        let zero = Patch::Merge(json!({"spec": {"replicas": 0}}));
        if let Err(error) = deployments.patch(name, &parameters, &zero).await {
            tracing::debug!(job = name, %error, "stopping workers");
        }
        return false;
    }
    let pods = Api::<Pod>::namespaced(context.client.clone(), namespace);
    let workers = ListParams::default().labels(&selector(name)).limit(1);
    pods.list(&workers).await.is_ok_and(|pods| pods.items.is_empty())
}

/// Writes the finalizers as they were read: if anyone changed the object since, the server
/// answers with a conflict and the pass is tried again.
async fn write(
    job: &ObjectMeta,
    finalizers: &[String],
    context: &Context,
) -> Result<(), FinalizeError> {
    let (Some(name), Some(namespace)) = (&job.name, &job.namespace) else {
        return Err(FinalizeError::Nameless);
    };
    let patch = json!({
        "metadata": {"resourceVersion": job.resource_version, "finalizers": finalizers},
    });
    let parameters =
        PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..Default::default() };
    let jobs = Api::<DeserializeGuard<StreamingJob>>::namespaced(context.client.clone(), namespace);
    match jobs.patch(name, &parameters, &Patch::Merge(patch)).await {
        Ok(_) => Ok(()),
        // Somebody else was faster; the newer object comes as an event.
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(Box::new(error).into()),
    }
}
