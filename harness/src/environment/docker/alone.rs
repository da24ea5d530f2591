//! Brokers in containers without the rest of a trial, for who brings clients and faults' times.

use super::brokers::{self, Fronts, Ports};
use super::defects::Down;
use super::injector::Hands;
use super::start::{self, Start};
use super::wanted::Wanted;
use crate::environment::EnvironmentError;
use chaos::fault::Side;
use chaos::{Installed, Refusal};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// Started brokers and nothing around them.
pub struct Brokers {
    hands: Hands,
    wanted: Wanted,
    ports: BTreeMap<i32, Ports>,
    bootstrap: String,
}

impl Brokers {
    /// Starts them.
    ///
    /// # Errors
    /// When the daemon, the image or memory is missing, or something does not start. What was made
    /// by then has been removed.
    pub async fn start(wanted: Wanted) -> Result<Self, EnvironmentError> {
        let start = Start::new(wanted).await?;
        // No proxy is in front of anybody.
        let front = |(id, ports): (&i32, &Ports)| {
            let [host, workers] = [ports.host, ports.workers]
                .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
            (*id, Fronts { host, workers, peers: None })
        };
        let fronts: BTreeMap<_, _> = start.ports.iter().map(front).collect();
        let rest = async {
            start.prepare().await?;
            start.brokers(&fronts).await
        };
        let cluster = start.or_remove(rest).await?;
        let Start { engine, names, wanted, ports, .. } = start;
        let (down, readers) = (Down::default(), Arc::default());
        let hands = Hands { engine, names, cluster, down, peers_by_proxy: false, readers };
        Ok(Self { hands, wanted, ports, bootstrap: brokers::bootstrap(&fronts) })
    }

    /// Their addresses for clients on this machine.
    pub fn bootstrap(&self) -> String {
        self.bootstrap.clone()
    }

    /// Their addresses at the listener for a security protocol that was wanted, in order of their
    /// ids.
    pub fn secured(&self, protocol: &str) -> Option<String> {
        let place = self.wanted.listeners.iter().position(|(_, spoken)| spoken == protocol)?;
        Some(brokers::addresses(self.ports.values().map(|ports| ports.more[place])))
    }

    /// Kills a broker; healing starts it again.
    ///
    /// # Errors
    /// When the daemon refuses.
    pub async fn crash(&self, id: i32) -> Result<Box<dyn Installed>, Refusal> {
        self.hands.crash(vec![id]).await
    }

    /// Takes a broker off the networks of its peers and of the controllers until it is healed.
    ///
    /// # Errors
    /// When the daemon refuses.
    pub async fn cut_off(&self, id: i32) -> Result<Box<dyn Installed>, Refusal> {
        self.hands.cut_off(vec![id], Side::Peers).await
    }

    /// Removes everything.
    pub async fn shutdown(self) {
        start::remove(&self.hands.engine, &self.hands.names).await;
    }
}
