//! The scheduler: binds pods that have no node to one.

use futures::stream::select;
use k8s_openapi::api::core::v1::{Binding, Node, ObjectReference, Pod, PodCondition};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Status, Time};
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::changes::{Change, signals};
use super::conditions::{pod_condition, set_pod_condition};
use super::placement::{candidates, place};
use super::pods;
use super::queue::{self, Next, Reconciler};
use super::replica_set::is_status;
use crate::clock;

/// The name by which pods ask for this scheduler.
const NAME: &str = "default-scheduler";

/// Runs the scheduler until `cancel`. It has one key: a pass over every pod that waits.
pub(super) async fn run(client: Client, cancel: CancellationToken) {
    let waiting = signals(Api::<Pod>::all(client.clone()), |change| match change {
        Change::Applied(pod) => (waits(pod) || pods::is_finished(pod)).then_some(()),
        Change::Deleted(_) => Some(()),
    });
    let nodes = signals(Api::<Node>::all(client.clone()), |_| Some(()));
    queue::run(Scheduler { client }, select(waiting, nodes), cancel).await;
}

fn waits(pod: &Pod) -> bool {
    let gated = |pod: &Pod| {
        let gates = pod.spec.as_ref().and_then(|spec| spec.scheduling_gates.as_ref());
        gates.is_some_and(|gates| !gates.is_empty())
    };
    let scheduler = pod.spec.as_ref().and_then(|spec| spec.scheduler_name.as_deref());
    pods::is_active(pod)
        && pods::node(pod).is_none()
        && scheduler.is_none_or(|name| name == NAME || name.is_empty())
        && !gated(pod)
}

struct Scheduler {
    client: Client,
}

impl Reconciler for Scheduler {
    type Key = ();

    async fn reconcile(&mut self, (): &()) -> Result<Next, kube::Error> {
        let everything = ListParams::default();
        let all_pods = Api::<Pod>::all(self.client.clone()).list(&everything).await?.items;
        let mut waiting: Vec<&Pod> = all_pods.iter().filter(|pod| waits(pod)).collect();
        if waiting.is_empty() {
            return Ok(Next::Settled);
        }
        waiting.sort_by_key(|pod| {
            (pod.metadata.creation_timestamp.clone(), pod.metadata.name.clone())
        });
        let nodes = Api::<Node>::all(self.client.clone()).list(&everything).await?.items;
        let mut candidates = candidates(nodes, &all_pods);
        for pod in waiting {
            let outcome = match place(pod, &mut candidates) {
                Ok(node) => self.bind(pod, &node).await,
                Err(problem) => self.explain(pod, &problem).await,
            };
            // A pod that is gone or was bound by someone else needs nothing any more.
            match outcome {
                Err(error) if !is_status(&error, 404) && !is_status(&error, 409) => {
                    return Err(error);
                }
                _ => {}
            }
        }
        Ok(Next::Settled)
    }
}

impl Scheduler {
    fn api(&self, pod: &Pod) -> Api<Pod> {
        let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
        Api::namespaced(self.client.clone(), namespace)
    }

    async fn bind(&self, pod: &Pod, node: &str) -> Result<(), kube::Error> {
        let name = pod.metadata.name.clone().unwrap_or_default();
        let binding = Binding {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                namespace: pod.metadata.namespace.clone(),
                uid: pod.metadata.uid.clone(),
                ..ObjectMeta::default()
            },
            target: ObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("Node".to_owned()),
                name: Some(node.to_owned()),
                ..ObjectReference::default()
            },
        };
        let parameters = PostParams::default();
        let api = self.api(pod);
        let _: Status = api.create_subresource("binding", &name, &parameters, &binding).await?;
        Ok(())
    }

    /// Says on the pod why it has no node.
    async fn explain(&self, pod: &Pod, problem: &str) -> Result<(), kube::Error> {
        let told = pods::condition(pod, "PodScheduled")
            .is_some_and(|old| old.message.as_deref() == Some(problem) && old.status == "False");
        if told {
            return Ok(());
        }
        let status = pod.status.clone().unwrap_or_default();
        let mut conditions = status.conditions.unwrap_or_default();
        let condition = PodCondition {
            reason: Some("Unschedulable".to_owned()),
            message: Some(problem.to_owned()),
            ..pod_condition("PodScheduled", false, &Time(clock::now()))
        };
        set_pod_condition(&mut conditions, condition);
        let patch = Patch::Merge(json!({
            "metadata": {"uid": pod.metadata.uid},
            "status": {"phase": "Pending", "conditions": conditions}
        }));
        let name = pod.metadata.name.as_deref().unwrap_or_default();
        self.api(pod).patch_status(name, &PatchParams::default(), &patch).await.map(drop)
    }
}
