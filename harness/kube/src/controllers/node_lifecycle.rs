//! The node lifecycle controller: a silent node becomes not ready, and then its pods are given up.
//!
//! It also makes a node ready again when its lease is renewed, which in Kubernetes the kubelet does
//! with its next status report; the emulated kubelets report by their leases alone. Pods of a dead
//! node are removed at once and not marked for deletion only, since nobody is there to end them.

use std::collections::HashMap;
use std::time::Duration;

use futures::stream::select;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Node, NodeCondition, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, Preconditions};
use kube::{Api, Client};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::changes::{Change, signals};
use super::conditions::{pod_condition, set_pod_condition};
use super::node_health::{Judgement, NodeHealth};
use super::node_taints::{NO_EXECUTE, UNREACHABLE, taint, taints};
use super::placement::{is_ready, tolerates};
use super::queue::{self, Next, Reconciler};
use super::replica_set::is_status;
use super::{NodeTimes, pods};
use crate::clock;

/// Where kubelets keep their leases.
pub(crate) const LEASE_NAMESPACE: &str = "kube-node-lease";
/// The least time between two looks at the pods of a dead node.
const SWEEP_LEAST: Duration = Duration::from_millis(100);
/// Runs the controller until `cancel`.
pub(super) async fn run(client: Client, times: NodeTimes, cancel: CancellationToken) {
    let nodes =
        signals(Api::<Node>::all(client.clone()), |change| change.object().metadata.name.clone());
    let leases =
        signals(Api::<Lease>::namespaced(client.clone(), LEASE_NAMESPACE), |change| match change {
            Change::Applied(lease) => lease.metadata.name.clone(),
            Change::Deleted(_) => None,
        });
    let controller = Controller { client, times, health: HashMap::new() };
    queue::run(controller, select(nodes, leases), cancel).await;
}

struct Controller {
    client: Client,
    times: NodeTimes,
    health: HashMap<String, NodeHealth>,
}

impl Reconciler for Controller {
    type Key = String;

    async fn reconcile(&mut self, name: &String) -> Result<Next, kube::Error> {
        let nodes: Api<Node> = Api::all(self.client.clone());
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), LEASE_NAMESPACE);
        let Some(node) = nodes.get_opt(name).await? else {
            self.health.remove(name);
            return Ok(Next::Gone);
        };
        let lease = leases.get_opt(name).await?;
        let renewed = lease.and_then(|lease| Some(lease.spec?.renew_time?.0));
        let now = clock::instant();
        let health =
            self.health.entry(name.clone()).or_insert_with(|| NodeHealth::new(renewed, now));
        match health.judge(renewed, now, self.times) {
            Judgement::Alive { check_in } => {
                self.set_reachable(&node, true).await?;
                Ok(Next::After(check_in))
            }
            Judgement::Silent { evict_in } => {
                self.set_reachable(&node, false).await?;
                Ok(Next::After(evict_in))
            }
            Judgement::Dead => {
                self.set_reachable(&node, false).await?;
                self.evict(name).await?;
                // Pods that were bound to it in the last moment, or are deleted later, go too.
                Ok(Next::After(self.times.grace.max(SWEEP_LEAST)))
            }
        }
    }
}

impl Controller {
    /// Makes taints and condition of the node agree with whether it is heard from.
    async fn set_reachable(&self, node: &Node, reachable: bool) -> Result<(), kube::Error> {
        let name = node.metadata.name.as_deref().unwrap_or_default();
        let api: Api<Node> = Api::all(self.client.clone());
        let parameters = PatchParams::default();
        if let Some(taints) = taints(node, reachable, &Time(clock::now())) {
            // The version keeps a taint that someone else sets at this moment.
            let patch = Patch::Merge(json!({
                "metadata": {"resourceVersion": node.metadata.resource_version},
                "spec": {"taints": taints}
            }));
            api.patch(name, &parameters, &patch).await?;
        }
        if let Some(ready) = ready_condition(node, reachable, &Time(clock::now())) {
            // The node itself may write its other conditions at this moment.
            let patch = Patch::Strategic(json!({"status": {"conditions": [ready]}}));
            api.patch_status(name, &parameters, &patch).await?;
            if !reachable {
                self.mark_pods_unready(name).await?;
            }
        }
        Ok(())
    }

    async fn pods_on(&self, node: &str) -> Result<Vec<Pod>, kube::Error> {
        let on_node = ListParams::default().fields(&format!("spec.nodeName={node}"));
        Ok(Api::<Pod>::all(self.client.clone()).list(&on_node).await?.items)
    }

    fn api_of(&self, pod: &Pod) -> Api<Pod> {
        let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
        Api::namespaced(self.client.clone(), namespace)
    }

    /// Nobody knows whether they still serve, so nobody should count on them.
    async fn mark_pods_unready(&self, node: &str) -> Result<(), kube::Error> {
        for pod in self.pods_on(node).await?.iter().filter(|pod| pods::is_ready(pod)) {
            let status = pod.status.clone().unwrap_or_default();
            let mut conditions = status.conditions.unwrap_or_default();
            let mut condition = pod_condition("Ready", false, &Time(clock::now()));
            condition.reason = Some("NodeNotReady".to_owned());
            set_pod_condition(&mut conditions, condition);
            let patch = Patch::Merge(json!({
                "metadata": {"uid": pod.metadata.uid},
                "status": {"conditions": conditions}
            }));
            let name = pod.metadata.name.as_deref().unwrap_or_default();
            let api = self.api_of(pod);
            tolerate_absence(api.patch_status(name, &PatchParams::default(), &patch).await)?;
        }
        Ok(())
    }

    async fn evict(&self, node: &str) -> Result<(), kube::Error> {
        for pod in self.pods_on(node).await?.iter().filter(|pod| !stays(pod)) {
            let name = pod.metadata.name.as_deref().unwrap_or_default();
            let parameters = DeleteParams {
                grace_period_seconds: Some(0),
                preconditions: Some(Preconditions {
                    uid: pod.metadata.uid.clone(),
                    resource_version: None,
                }),
                ..DeleteParams::default()
            };
            tracing::info!(pod = name, node, "the pod is given up with its silent node");
            tolerate_absence(self.api_of(pod).delete(name, &parameters).await)?;
        }
        Ok(())
    }
}

fn tolerate_absence<T>(outcome: Result<T, kube::Error>) -> Result<(), kube::Error> {
    match outcome {
        Err(error) if !is_status(&error, 404) && !is_status(&error, 409) => Err(error),
        _ => Ok(()),
    }
}

/// A pod that tolerates unreachable nodes without a time limit waits for its node.
fn stays(pod: &Pod) -> bool {
    let spec = pod.spec.as_ref();
    let for_ever: Vec<_> = spec
        .and_then(|spec| spec.tolerations.as_ref())
        .into_iter()
        .flatten()
        .filter(|toleration| toleration.toleration_seconds.is_none())
        .cloned()
        .collect();
    pod.metadata.deletion_timestamp.is_none()
        && tolerates(&for_ever, &taint(UNREACHABLE, NO_EXECUTE, None))
}

/// The node's Ready condition as it should be; none when it is so already.
fn ready_condition(node: &Node, reachable: bool, now: &Time) -> Option<NodeCondition> {
    let conditions = node.status.as_ref()?.conditions.as_ref()?;
    let mut ready = conditions.iter().find(|condition| condition.type_ == "Ready")?.clone();
    // Only what this controller wrote is taken back: a node may say itself that it is not ready.
    let (from, to, reason, message) = if reachable {
        ("Unknown", "True", "KubeletReady", "the node renews its lease")
    } else if is_ready(node) {
        ("True", "Unknown", "NodeStatusUnknown", "the node stopped renewing its lease")
    } else {
        return None;
    };
    if ready.status != from {
        return None;
    }
    ready.status = to.to_owned();
    ready.reason = Some(reason.to_owned());
    ready.message = Some(message.to_owned());
    ready.last_transition_time = Some(now.clone());
    Some(ready)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::jiff::Timestamp;

    use super::*;

    fn node(ready: &str, taints: serde_json::Value) -> Node {
        serde_json::from_value(json!({
            "spec": {"taints": taints},
            "status": {"conditions": [{"type": "Ready", "status": ready}]}
        }))
        .unwrap()
    }

    #[test]
    fn the_ready_condition_follows_the_lease() {
        let now = Time(Timestamp::UNIX_EPOCH);
        let status = |ready: &str, reachable| {
            let found = ready_condition(&node(ready, json!([])), reachable, &now);
            found.map(|condition| condition.status)
        };
        assert_eq!(status("True", false).as_deref(), Some("Unknown"));
        assert_eq!(status("Unknown", true).as_deref(), Some("True"));
        assert_eq!(status("Unknown", false), None);
        assert_eq!(status("False", true), None);
    }

    #[test]
    fn only_a_pod_that_tolerates_silence_for_ever_stays() {
        let pod = |toleration: serde_json::Value| -> Pod {
            serde_json::from_value(json!({"spec": {
                "containers": [], "tolerations": [toleration]}}))
            .unwrap()
        };
        let mut toleration = json!({"key": UNREACHABLE, "operator": "Exists"});
        assert!(stays(&pod(toleration.clone())));
        toleration["tolerationSeconds"] = json!(300);
        assert!(!stays(&pod(toleration)));
        assert!(!stays(&pod(json!({"key": "other", "operator": "Exists"}))));
    }
}
