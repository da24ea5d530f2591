//! The ReplicaSet controller: keeps as many active pods as wanted.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::{self, select};
use k8s_openapi::api::apps::v1::{ReplicaSet, ReplicaSetStatus};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::Selector;
use kube::{Api, Client};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::changes::{Place, place, signals};
use super::queue::{self, Next, Reconciler};
use super::{pods, victims};
use crate::clock;

/// Pods created or deleted at the same time.
const CONCURRENCY: usize = 16;
/// Pods created in one go; the rest follows at once in the next.
const BURST: usize = 500;

/// Runs the controller until `cancel`.
pub(super) async fn run(client: Client, cancel: CancellationToken) {
    let sets = signals(Api::<ReplicaSet>::all(client.clone()), |change| {
        Some(place(&change.object().metadata))
    });
    let owned = signals(Api::<Pod>::all(client.clone()), |change| {
        let meta = &change.object().metadata;
        let owner = pods::controller(meta).filter(|owner| owner.kind == "ReplicaSet")?;
        Some((meta.namespace.clone().unwrap_or_default(), owner.name.clone()))
    });
    queue::run(Controller { client }, select(sets, owned), cancel).await;
}

struct Controller {
    client: Client,
}

impl Reconciler for Controller {
    type Key = Place;

    async fn reconcile(&mut self, (namespace, name): &Place) -> Result<Next, kube::Error> {
        let sets: Api<ReplicaSet> = Api::namespaced(self.client.clone(), namespace);
        let Some(set) = sets.get_opt(name).await? else { return Ok(Next::Gone) };
        let Some(spec) = &set.spec else { return Ok(Next::Settled) };
        let Ok(selector) = Selector::try_from(spec.selector.clone()) else {
            return Ok(Next::Settled);
        };
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let uid = set.metadata.uid.as_deref().unwrap_or_default();
        let listed = api.list(&ListParams::default().labels_from(&selector)).await?;
        let active: Vec<Pod> = listed
            .items
            .into_iter()
            .filter(|pod| pods::is_controlled_by(&pod.metadata, uid) && pods::is_active(pod))
            .collect();
        // Pods first: whoever waits for them should not wait for bookkeeping too.
        let managed = match set.metadata.deletion_timestamp {
            Some(_) => Ok(false),
            None => manage(&api, &set, &active).await,
        };
        let (status, next) = status(&set, &active, clock::now());
        if set.status.as_ref() != Some(&status) {
            let patch = Patch::Merge(json!({ "status": status }));
            sets.patch_status(name, &PatchParams::default(), &patch).await?;
        }
        Ok(if managed? { Next::After(Duration::ZERO) } else { next })
    }
}

/// Creates or deletes pods until there are as many as wanted. Says whether some are still missing.
async fn manage(api: &Api<Pod>, set: &ReplicaSet, active: &[Pod]) -> Result<bool, kube::Error> {
    let replicas = set.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
    let desired = usize::try_from(replicas).unwrap_or(0);
    if desired > active.len() {
        let missing = desired - active.len();
        create(api, set, missing.min(BURST)).await?;
        return Ok(missing > BURST);
    }
    if desired < active.len() {
        delete(api, &victims::choose(active, active.len() - desired)).await?;
    }
    Ok(false)
}

/// The status that follows from the active pods, and when a pod becomes available by mere waiting.
fn status(set: &ReplicaSet, active: &[Pod], now: Timestamp) -> (ReplicaSetStatus, Next) {
    let seconds = set.spec.as_ref().and_then(|spec| spec.min_ready_seconds).unwrap_or(0);
    let wanted = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    let mut available = 0;
    let mut next = Next::Settled;
    for pod in active.iter().filter(|pod| pods::is_ready(pod)) {
        let since = pods::condition(pod, "Ready").and_then(|ready| {
            ready.last_transition_time.as_ref().map(|time| now.duration_since(time.0))
        });
        let lasted = since.and_then(|since| Duration::try_from(since).ok()).unwrap_or_default();
        if lasted >= wanted {
            available += 1;
        } else {
            let wait = wanted - lasted;
            next = match next {
                Next::After(earlier) => Next::After(earlier.min(wait)),
                _ => Next::After(wait),
            };
        }
    }
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let status = ReplicaSetStatus {
        replicas: count(active.len()),
        fully_labeled_replicas: Some(count(active.len())),
        ready_replicas: Some(count(active.iter().filter(|pod| pods::is_ready(pod)).count())),
        available_replicas: Some(available),
        observed_generation: set.metadata.generation,
        conditions: None,
        terminating_replicas: None,
    };
    (status, next)
}

fn pod_of(set: &ReplicaSet) -> Pod {
    let template = set.spec.as_ref().and_then(|spec| spec.template.clone()).unwrap_or_default();
    let meta = template.metadata.unwrap_or_default();
    Pod {
        metadata: ObjectMeta {
            generate_name: set.metadata.name.as_ref().map(|name| format!("{name}-")),
            labels: meta.labels,
            annotations: meta.annotations,
            finalizers: meta.finalizers,
            owner_references: Some(pods::controlled_by(set)),
            ..ObjectMeta::default()
        },
        spec: template.spec,
        status: None,
    }
}

async fn create(api: &Api<Pod>, set: &ReplicaSet, count: usize) -> Result<(), kube::Error> {
    let pod = pod_of(set);
    let parameters = PostParams::default();
    let created: Vec<_> = stream::iter(0..count)
        .map(|_| api.create(&parameters, &pod))
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    created.into_iter().find_map(Result::err).map_or(Ok(()), Err)
}

async fn delete(api: &Api<Pod>, victims: &[&Pod]) -> Result<(), kube::Error> {
    let victims: Vec<(String, Option<String>)> = victims
        .iter()
        .map(|pod| (pod.metadata.name.clone().unwrap_or_default(), pod.metadata.uid.clone()))
        .collect();
    let deleted: Vec<_> = stream::iter(victims)
        .map(|(name, uid)| async move {
            let preconditions = Some(Preconditions { uid, resource_version: None });
            api.delete(&name, &DeleteParams { preconditions, ..DeleteParams::default() }).await
        })
        .buffer_unordered(CONCURRENCY)
        .collect()
        .await;
    let refused = deleted.into_iter().filter_map(Result::err);
    // A pod that went by itself is what was wanted.
    let mut refused = refused.filter(|error| !is_status(error, 404));
    refused.next().map_or(Ok(()), Err)
}

/// Whether the API server answered with this HTTP status.
pub(crate) fn is_status(error: &kube::Error, code: u16) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(second: u32) -> Pod {
        serde_json::from_value(json!({"status": {"phase": "Running", "conditions": [
            {"type": "Ready", "status": "True",
             "lastTransitionTime": format!("2026-01-01T00:00:{second:02}Z")}]}}))
        .unwrap()
    }

    #[test]
    fn a_pod_is_available_once_ready_for_long_enough() {
        let set: ReplicaSet = serde_json::from_value(json!({
            "metadata": {"generation": 2},
            "spec": {"minReadySeconds": 10, "selector": {}}
        }))
        .unwrap();
        let pods = [ready(0), ready(5), Pod::default()];
        let now: Timestamp = "2026-01-01T00:00:12Z".parse().unwrap();
        let (status, next) = status(&set, &pods, now);
        assert_eq!((status.replicas, status.ready_replicas), (3, Some(2)));
        assert_eq!(status.available_replicas, Some(1));
        assert_eq!(next, Next::After(Duration::from_secs(3)));
    }

    #[test]
    fn a_pod_carries_its_template_and_its_owner() {
        let set: ReplicaSet = serde_json::from_value(json!({
            "metadata": {"name": "web-abc", "uid": "u1"},
            "spec": {"selector": {}, "template": {
                "metadata": {"labels": {"app": "web"}, "annotations": {"k": "v"}},
                "spec": {"containers": [{"name": "c"}]}}}
        }))
        .unwrap();
        let pod = pod_of(&set);
        assert_eq!(pod.metadata.generate_name.as_deref(), Some("web-abc-"));
        assert!(pods::is_controlled_by(&pod.metadata, "u1"));
        assert_eq!(pod.metadata.labels.unwrap()["app"], "web");
        assert_eq!(pod.spec.unwrap().containers.len(), 1);
    }
}
