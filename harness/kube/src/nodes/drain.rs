//! Emptying a node in order: nothing new comes, and what is there is asked to leave by the eviction
//! API, which honours disruption budgets. `kubectl drain` does the same.

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Api;
use kube::api::{EvictParams, ListParams, Patch, PatchParams};
use serde_json::json;

use super::NodeHandle;
use crate::controllers::{is_finished, is_status};

/// What one round of a drain found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DrainRound {
    /// Pods that were asked to leave, and will.
    pub evicted: u64,
    /// Pods that a disruption budget kept.
    pub refused: u64,
    /// Pods that were on their way out already.
    pub leaving: u64,
}

impl NodeHandle {
    /// Marks the node so that no new pod comes to it, or takes that mark away.
    ///
    /// # Errors
    /// What the API server answered.
    pub async fn set_cordoned(&self, cordoned: bool) -> Result<(), kube::Error> {
        let api: Api<Node> = Api::all(self.machine().client.clone());
        let value = cordoned.then_some(true);
        let patch = Patch::Merge(json!({"spec": {"unschedulable": value}}));
        api.patch(self.name(), &PatchParams::default(), &patch).await.map(drop)
    }

    /// Asks every pod of the node that has not ended to leave, once. Pods that a disruption budget
    /// keeps stay until they are asked again; the node is empty after a round without any pod.
    ///
    /// # Errors
    /// What the API server answered, but for refusals by budgets and pods that went meanwhile.
    pub async fn evict_pods(&self) -> Result<DrainRound, kube::Error> {
        let client = &self.machine().client;
        let on_node = ListParams::default().fields(&format!("spec.nodeName={}", self.name()));
        let mut round = DrainRound::default();
        for pod in Api::<Pod>::all(client.clone()).list(&on_node).await? {
            if is_finished(&pod) {
                continue;
            }
            if pod.metadata.deletion_timestamp.is_some() {
                round.leaving += 1;
                continue;
            }
            let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
            let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
            let name = pod.metadata.name.as_deref().unwrap_or_default();
            match api.evict(name, &EvictParams::default()).await {
                Ok(_) => round.evicted += 1,
                Err(error) if is_status(&error, 429) => round.refused += 1,
                Err(error) if is_status(&error, 404) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(round)
    }
}
