//! Nodes that run short of memory or disk and evict their pods.

use super::names;
use chaos::Installed;
use embedded_kube::{EmbeddedKube, NodeHandle, Pressure, ProcessEvent, ProcessStatus};
use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use results::report::format::counted;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

/// How often nodes that are to take pods again are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Lets the nodes run short of something.
pub(super) fn press(
    kube: &EmbeddedKube,
    nodes: Vec<NodeHandle>,
    pressure: Pressure,
) -> Box<dyn Installed> {
    let events = kube.process_events();
    for node in &nodes {
        node.set_pressure(pressure, true);
    }
    let api = Api::all(kube.client());
    Box::new(Pressed { api, nodes, pressure, events, evicted: 0, healed: None })
}

struct Pressed {
    api: Api<Node>,
    nodes: Vec<NodeHandle>,
    pressure: Pressure,
    events: Receiver<ProcessEvent>,
    evicted: u64,
    healed: Option<String>,
}

impl Pressed {
    fn count(&mut self) {
        loop {
            match self.events.try_recv() {
                Ok(ProcessEvent::Exited { node, status, .. }) => {
                    let here = self.nodes.iter().any(|it| it.name() == node);
                    let evicted = status == ProcessStatus::Evicted(self.pressure);
                    self.evicted += u64::from(here && evicted);
                }
                Ok(ProcessEvent::Started { .. }) | Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    /// Nodes of which the API says that they run short.
    async fn told(&self) -> usize {
        let mut told = 0;
        for node in &self.nodes {
            let Ok(node) = self.api.get(node.name()).await else { continue };
            let conditions = node.status.and_then(|status| status.conditions).unwrap_or_default();
            let kind = self.pressure.condition();
            let holds = conditions.iter().any(|it| it.type_ == kind && it.status == "True");
            told += usize::from(holds);
        }
        told
    }

    fn sentence(&self) -> String {
        format!("{} evicted", counted(self.evicted, "worker process"))
    }

    async fn evidence(&mut self) -> Option<String> {
        self.count();
        let landed = self.evicted > 0 && self.told().await == self.nodes.len();
        let condition = self.pressure.condition();
        landed.then(|| format!("{condition} on {}, {}", names(&self.nodes), self.sentence()))
    }

    async fn heal(&mut self) -> String {
        if let Some(healed) = &self.healed {
            return healed.clone();
        }
        for node in &self.nodes {
            node.set_pressure(self.pressure, false);
        }
        while self.told().await > 0 {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        self.count();
        let condition = self.pressure.condition();
        let healed =
            format!("{}: no {condition} any more; {}", names(&self.nodes), self.sentence());
        self.healed = Some(healed.clone());
        healed
    }
}

impl Installed for Pressed {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        Pressed::evidence(self).boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        Pressed::heal(self).map(Ok).boxed()
    }
}
