//! A control plane with nodes on which workers of the job sleep.

use crate::environment::{JOB, NAMESPACE};
use chaos::{Action, Targets};
use embedded_kube::{ControlPlaneConfig, EmbeddedKube, NodeHandle, NodeSpec};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::{ListParams, PostParams};
use operator::reconcile::build::JOB_LABEL;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use tempfile::TempDir;

/// How long anything may take.
pub(in super::super) const LIMIT: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(5);

pub(in super::super) struct World {
    pub(in super::super) kube: EmbeddedKube,
    /// Where the processes write; goes with this.
    _logs: TempDir,
}

impl World {
    /// Nodes `node-1`, `node-2`… with this many workers on them, all ready. Nodes may be silent
    /// for long before somebody minds.
    pub(in super::super) async fn start(nodes: usize, workers: usize) -> Self {
        let logs = tempfile::tempdir().unwrap();
        let node = |number| NodeSpec {
            name: format!("node-{number}"),
            cpu_millis: 4_000,
            memory_bytes: 4 << 30,
            labels: BTreeMap::new(),
        };
        let config = ControlPlaneConfig {
            nodes: (1..=nodes).map(node).collect(),
            log_dir: logs.path().to_owned(),
            node_lease_period: Duration::from_millis(40),
            node_grace: LIMIT,
            restart_backoff: Duration::from_millis(20),
            ..ControlPlaneConfig::default()
        };
        let world = Self { kube: EmbeddedKube::start(config).await.unwrap(), _logs: logs };
        world.create_workers(workers).await;
        world.settled(workers).await;
        world
    }

    async fn create_workers(&self, workers: usize) {
        let labels = json!({ JOB_LABEL: JOB });
        let container = json!({"name": "worker", "image": "none", "command": ["sleep", "1000"]});
        let deployment = json!({
            "metadata": {"name": JOB},
            "spec": {
                "replicas": workers,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]}
                }
            }
        });
        let deployment: Deployment = serde_json::from_value(deployment).unwrap();
        self.deployments().create(&PostParams::default(), &deployment).await.unwrap();
    }

    pub(in super::super) fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.kube.client(), NAMESPACE)
    }

    pub(in super::super) fn node(&self, name: &str) -> NodeHandle {
        self.kube.node(name).unwrap()
    }

    /// Waits until this many workers run and are ready, and nothing is left of any fault.
    pub(in super::super) async fn settled(&self, workers: usize) {
        let settled = async {
            while !self.is_settled(workers).await {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(LIMIT, settled).await.expect("all is as before");
    }

    async fn is_settled(&self, workers: usize) -> bool {
        let everything = ListParams::default();
        let nodes = Api::<Node>::all(self.kube.client()).list(&everything).await.unwrap();
        let pods = Api::<Pod>::all(self.kube.client()).list(&everything).await.unwrap();
        // Evicted pods stay listed, as they do in Kubernetes.
        let mut pods = pods.items;
        pods.retain(|pod| pod.status.as_ref().and_then(|it| it.phase.as_deref()) != Some("Failed"));
        let states = self.kube.nodes();
        let states: Vec<(u32, char)> =
            states.iter().flat_map(|name| self.node(name).states().unwrap()).collect();
        nodes.items.iter().all(is_sound)
            && pods.len() == workers
            && pods.iter().all(is_ready)
            && states.len() == workers
            && !states.iter().any(|(_, state)| *state == 'T')
    }

    /// An action against these nodes.
    pub(in super::super) fn action(fault: Value, nodes: &[&str]) -> Action {
        let nodes = nodes.iter().map(|name| (*name).to_owned()).collect();
        Action {
            fault: serde_json::from_value(fault).unwrap(),
            targets: Targets { nodes, ..Targets::default() },
            seed: 1,
        }
    }
}

/// Ready, and open for any pod.
fn is_sound(node: &Node) -> bool {
    let spec = node.spec.clone().unwrap_or_default();
    let conditions = node.status.iter().flat_map(|it| it.conditions.iter().flatten());
    let mut as_usual = conditions.map(|it| (it.type_ == "Ready") == (it.status == "True"));
    spec.taints.unwrap_or_default().is_empty()
        && spec.unschedulable != Some(true)
        && as_usual.all(|usual| usual)
}

fn is_ready(pod: &Pod) -> bool {
    let mut conditions = pod.status.iter().flat_map(|it| it.conditions.iter().flatten());
    conditions.any(|it| it.type_ == "Ready" && it.status == "True")
}
