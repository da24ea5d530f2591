//! Kubelets that fall silent while their pods live on.

use super::{names, processes};
use crate::clock;
use chaos::{Installed, Refusal};
use embedded_kube::NodeHandle;
use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use results::report::format::counted;
use std::time::Duration;

/// Where kubelets keep their leases.
const LEASES: &str = "kube-node-lease";
/// How often a lease that is to be renewed is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Silences the kubelets of the nodes.
pub(super) async fn silence(
    client: Client,
    nodes: Vec<NodeHandle>,
) -> Result<Box<dyn Installed>, Refusal> {
    for (index, node) in nodes.iter().enumerate() {
        if !node.silence().await {
            for silent in &nodes[..index] {
                silent.end_silence().await;
            }
            return Err(Refusal::Failed(format!("{} is not up", node.name())));
        }
    }
    Ok(Box::new(Silent { leases: Api::namespaced(client, LEASES), nodes }))
}

struct Silent {
    leases: Api<Lease>,
    nodes: Vec<NodeHandle>,
}

impl Silent {
    /// How old the lease of a node is that should have been renewed by now.
    async fn expired(&self, node: &str) -> Option<Duration> {
        let lease = self.leases.get(node).await.ok()?.spec?;
        let renewed = u64::try_from(lease.renew_time?.0.as_microsecond()).ok()?;
        let age = Duration::from_micros(clock::unix_us().saturating_sub(renewed));
        let lifetime = u64::try_from(lease.lease_duration_seconds?).ok()?;
        (age > Duration::from_secs(lifetime)).then_some(age)
    }

    async fn evidence(&self) -> Option<String> {
        let mut youngest = Duration::MAX;
        for node in &self.nodes {
            youngest = youngest.min(self.expired(node.name()).await?);
        }
        let living = processes(&self.nodes);
        let (names, age) = (names(&self.nodes), youngest.as_secs_f64());
        (living > 0).then(|| {
            let living = counted(living, "process");
            format!("no lease of {names} is younger than {age:.1} s, {living} still alive")
        })
    }

    async fn heal(&self) -> String {
        for node in &self.nodes {
            node.end_silence().await;
        }
        for node in &self.nodes {
            while self.expired(node.name()).await.is_some() {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        }
        format!("leases of {} are renewed", names(&self.nodes))
    }
}

impl Installed for Silent {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        Silent::evidence(self).boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        Silent::heal(self).map(Ok).boxed()
    }
}
