//! What stands between brokers in containers and who speaks with them.

use super::brokers::{Fronts, Ports};
use super::readers::Readers;
use super::{NAME, failed, injector};
use crate::environment::EnvironmentError;
use crate::environment::around::{self, Proxies};
use crate::environment::local::brokers::name;
use crate::scenario::ValidatedScenario;
use chaos::proxy::{FaultProxy, Rules};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// One fault proxy a broker for workers, and more where the scenario wants them.
pub(super) struct Between {
    pub(super) workers: Proxies,
    /// Between brokers and their peers, where the scenario disturbs those.
    pub(super) peers: BTreeMap<i32, FaultProxy>,
    /// Where it wants requests to fail.
    pub(super) readers: Arc<Readers>,
}

impl Between {
    /// Starts them; `gateway` is this machine's address as containers see it.
    pub(super) async fn start(
        (scenario, seed): (&ValidatedScenario, u64),
        ports: &BTreeMap<i32, Ports>,
        gateway: Ipv4Addr,
        rules: &Rules,
    ) -> Result<Self, EnvironmentError> {
        let faults = || scenario.spec.faults.iter().map(|spec| &spec.fault);
        let readers = match faults().any(injector::reads_requests) {
            true => Readers::start(ports, seed).await.map_err(|e| failed("start proxies", e))?,
            false => Readers::default(),
        };
        let disturbs_peers = faults().any(injector::disturbs_peers);
        let (gateway, loopback) = (IpAddr::V4(gateway), IpAddr::V4(Ipv4Addr::LOCALHOST));
        let (mut workers, mut peers) = (Proxies::new(), BTreeMap::new());
        for (id, ports) in ports {
            let direct = SocketAddr::from((loopback, ports.workers));
            let upstream = readers.addresses(*id).map_or(direct, |(_, workers)| workers);
            let server = name(*id);
            let worker = around::start_proxy(NAME, (loopback, upstream), &server, rules).await?;
            workers.insert(server, worker);
            if disturbs_peers {
                let upstream = SocketAddr::from((loopback, ports.delayed));
                let server = injector::peers_of(*id);
                let proxy = around::start_proxy(NAME, (gateway, upstream), &server, rules);
                peers.insert(*id, proxy.await?);
            }
        }
        Ok(Self { workers, peers, readers: Arc::new(readers) })
    }

    /// Where clients of each broker are told to connect to.
    pub(super) fn fronts(&self, ports: &BTreeMap<i32, Ports>) -> BTreeMap<i32, Fronts> {
        let front = |(id, ports): (&i32, &Ports)| {
            let direct = SocketAddr::from((Ipv4Addr::LOCALHOST, ports.host));
            let host = self.readers.addresses(*id).map_or(direct, |(host, _)| host);
            let workers = self.workers.get(&name(*id))?.address();
            Some((
                *id,
                Fronts { host, workers, peers: self.peers.get(id).map(FaultProxy::address) },
            ))
        };
        ports.iter().filter_map(front).collect()
    }
}
