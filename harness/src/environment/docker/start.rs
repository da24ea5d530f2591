//! Starting brokers in containers, and taking everything away again.

use super::brokers::{self, Fronts, Names, Plan, Ports};
use super::cluster::Cluster;
use super::engine::Engine;
use super::groups::Held;
use super::owner::Owner;
use super::wanted::Wanted;
use super::{failed, groups, ready};
use crate::environment::EnvironmentError;
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Environments that this process has started so far.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// Brokers that are being started.
pub(super) struct Start {
    pub(super) engine: Engine,
    pub(super) names: Names,
    owner: Owner,
    number: u32,
    pub(super) wanted: Wanted,
    pub(super) ports: BTreeMap<i32, Ports>,
}

/// What brokers stand on.
pub(super) struct Ground {
    /// The id of their image.
    pub(super) image: String,
    /// This machine's address as containers see it.
    pub(super) gateway: Ipv4Addr,
}

impl Start {
    /// Finds the daemon, and names and ports that nobody else has. Makes nothing.
    pub(super) async fn new(wanted: Wanted) -> Result<Self, EnvironmentError> {
        let engine = Engine::connect().await.map_err(|error| failed("find Docker", error))?;
        let owner = Owner::this();
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let names = Names::new(owner.environment(number));
        let ports =
            brokers::free_ports(&wanted).map_err(|error| failed("find free ports", error))?;
        Ok(Self { engine, names, owner, number, wanted, ports })
    }

    pub(super) fn plan(&self) -> Plan<'_> {
        let Self { engine: _, number: _, names, owner, wanted, ports } = self;
        Plan { names, owner, wanted, ports }
    }

    /// Makes the control group above those of so many nodes and their workers.
    pub(super) fn group(&self, nodes: usize) -> Held {
        groups::make(&self.owner, self.number, nodes)
    }

    /// Gets the image, and makes networks and volumes.
    pub(super) async fn prepare(&self) -> Result<Ground, EnvironmentError> {
        let image = self.engine.image(&self.wanted.image).await;
        let image = image.map_err(|error| failed("get the image", error))?;
        let plan = self.plan();
        ready::enough_memory(plan.memory_bytes())
            .map_err(|reason| failed("start brokers", reason))?;
        let gateway = plan.prepare(&self.engine).await;
        let gateway = gateway.map_err(|error| failed("make networks and volumes", error))?;
        Ok(Ground { image, gateway })
    }

    /// Starts the brokers where all is prepared.
    pub(super) async fn brokers(
        &self,
        fronts: &BTreeMap<i32, Fronts>,
    ) -> Result<Arc<Cluster>, EnvironmentError> {
        let cluster = self.plan().start(&self.engine, fronts).await;
        cluster.map(Arc::new).map_err(|error| failed("start brokers", error))
    }

    /// What the rest of the start gives. Where it fails, everything made by then is removed.
    pub(super) async fn or_remove<T>(
        &self,
        rest: impl Future<Output = Result<T, EnvironmentError>>,
    ) -> Result<T, EnvironmentError> {
        let started = rest.await;
        if started.is_err() {
            remove(&self.engine, &self.names).await;
        }
        started
    }
}

/// Removes all that belongs to one environment, or says that it cannot.
pub(super) async fn remove(engine: &Engine, names: &Names) {
    let removed = async {
        match engine.belongings().await?.get(names.environment()) {
            Some(belongings) => engine.remove(belongings).await,
            None => Ok(()),
        }
    };
    if let Err(error) = removed.await {
        crate::note!("left in Docker: {error}; `stormgauge clean` removes it");
    }
}
