//! A control plane with quick times, and what tests ask of it.
#![expect(clippy::unwrap_used, reason = "this is test code outside of test functions")]

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use embedded_kube::{ControlPlaneConfig, EmbeddedKube, NodeHandle, NodeSpec, ProcessView};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

pub(crate) const NAMESPACE: &str = "default";
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Lab {
    pub(crate) kube: EmbeddedKube,
    pub(crate) logs: tempfile::TempDir,
}

impl Lab {
    /// Nodes `node-1`, `node-2`… whose silence is noticed after 200 ms.
    pub(crate) async fn start(nodes: usize) -> Self {
        Self::start_with(nodes, |_| {}).await
    }

    pub(crate) async fn start_with(
        nodes: usize,
        change: impl FnOnce(&mut ControlPlaneConfig),
    ) -> Self {
        let logs = tempfile::tempdir().unwrap();
        let node = |index| NodeSpec {
            name: format!("node-{index}"),
            cpu_millis: 4000,
            memory_bytes: 4 << 30,
            labels: BTreeMap::new(),
        };
        let mut config = ControlPlaneConfig {
            nodes: (1..=nodes).map(node).collect(),
            log_dir: logs.path().to_owned(),
            node_lease_period: Duration::from_millis(40),
            node_grace: Duration::from_millis(200),
            eviction_delay: Duration::from_millis(200),
            restart_backoff: Duration::from_millis(20),
            ..ControlPlaneConfig::default()
        };
        change(&mut config);
        Self { kube: EmbeddedKube::start(config).await.unwrap(), logs }
    }

    pub(crate) fn node(&self, name: &str) -> NodeHandle {
        self.kube.node(name).unwrap()
    }

    /// Every process of every node.
    pub(crate) fn processes(&self) -> Vec<ProcessView> {
        self.kube.nodes().iter().flat_map(|name| self.node(name).processes()).collect()
    }

    pub(crate) fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.kube.client(), NAMESPACE)
    }

    pub(crate) fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.kube.client(), NAMESPACE)
    }

    pub(crate) async fn all_pods(&self) -> Vec<Pod> {
        self.pods().list(&ListParams::default()).await.unwrap().items
    }

    pub(crate) async fn pod(&self, name: &str) -> Pod {
        self.pods().get(name).await.unwrap()
    }

    /// Creates a pod with one container.
    pub(crate) async fn create_pod(&self, name: &str, container: Value, spec: Value) -> Pod {
        let pod = json!({
            "metadata": {"name": name},
            "spec": merged(json!({"containers": [merged(base(), container)]}), spec)
        });
        let pod: Pod = serde_json::from_value(pod).unwrap();
        self.pods().create(&PostParams::default(), &pod).await.unwrap()
    }

    /// Creates a Deployment whose pods sleep.
    pub(crate) async fn create_deployment(&self, name: &str, replicas: i32, spec: Value) {
        let labels = json!({ "app": name });
        let deployment = json!({
            "metadata": {"name": name},
            "spec": merged(json!({
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "terminationGracePeriodSeconds": 1,
                        "containers": [merged(base(), json!({"command": ["sleep", "1000"]}))]
                    }
                }
            }), spec)
        });
        let deployment: Deployment = serde_json::from_value(deployment).unwrap();
        self.deployments().create(&PostParams::default(), &deployment).await.unwrap();
    }

    pub(crate) async fn patch_deployment(&self, name: &str, patch: Value) {
        let patch = Patch::Merge(patch);
        self.deployments().patch(name, &PatchParams::default(), &patch).await.unwrap();
    }

    pub(crate) async fn scale(&self, name: &str, replicas: i32) {
        self.patch_deployment(name, json!({"spec": {"replicas": replicas}})).await;
    }

    /// Waits until this many pods are ready and nothing else is there.
    pub(crate) async fn settled(&self, ready: usize) {
        until("the pods settle", || async {
            let pods = self.all_pods().await;
            pods.len() == ready && pods.iter().all(is_ready) && self.processes().len() == ready
        })
        .await;
    }

    pub(crate) async fn node_is_ready(&self, name: &str) -> bool {
        let node = Api::<Node>::all(self.kube.client()).get(name).await.unwrap();
        let conditions = node.status.and_then(|status| status.conditions).unwrap_or_default();
        let ready = conditions.iter().any(|it| it.type_ == "Ready" && it.status == "True");
        ready && node.spec.and_then(|spec| spec.taints).unwrap_or_default().is_empty()
    }

    pub(crate) fn log(&self, pod: &str) -> String {
        std::fs::read_to_string(self.logs.path().join(format!("{pod}.log"))).unwrap_or_default()
    }
}

fn base() -> Value {
    json!({"name": "main", "image": "none"})
}

/// `left` with the fields of `right` over it.
fn merged(mut left: Value, right: Value) -> Value {
    if let (Some(left), Value::Object(right)) = (left.as_object_mut(), right) {
        left.extend(right);
    }
    left
}

pub(crate) fn sh(script: &str) -> Value {
    json!({"command": ["sh", "-c", script]})
}

pub(crate) fn name(pod: &Pod) -> &str {
    pod.metadata.name.as_deref().unwrap_or_default()
}

pub(crate) fn node_of(pod: &Pod) -> &str {
    pod.spec.as_ref().and_then(|spec| spec.node_name.as_deref()).unwrap_or_default()
}

pub(crate) fn is_ready(pod: &Pod) -> bool {
    condition(pod, "Ready").is_some_and(|(status, _)| status == "True")
}

/// Status and reason of a condition.
pub(crate) fn condition(pod: &Pod, kind: &str) -> Option<(String, String)> {
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let found = conditions.iter().find(|condition| condition.type_ == kind)?;
    Some((found.status.clone(), found.reason.clone().unwrap_or_default()))
}

pub(crate) fn restarts(pod: &Pod) -> i32 {
    pod.status
        .as_ref()
        .and_then(|it| it.container_statuses.as_ref())
        .map_or(0, |all| all.first().map_or(0, |container| container.restart_count))
}

/// The reason and message for which the container waits.
pub(crate) fn waiting(pod: &Pod) -> Option<(String, String)> {
    let container = pod.status.as_ref()?.container_statuses.as_ref()?.first()?;
    let waiting = container.state.as_ref()?.waiting.as_ref()?;
    Some((waiting.reason.clone()?, waiting.message.clone().unwrap_or_default()))
}

/// Whether a process has this id, a stopped one too, but not one that only waits to be reaped.
pub(crate) fn exists(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}

/// Waits until `condition` holds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut condition: impl FnMut() -> F) {
    let met = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, met).await.is_ok(), "in vain: {what}");
}
