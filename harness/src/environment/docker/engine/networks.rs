//! Networks: those that lead nowhere else, where each container keeps an address of its own, and the
//! one that leads to this machine.
//!
//! Docker gives the next who comes an address that is free again, so that two brokers that were away
//! together may come back with each other's. Their peers would not notice: a Java machine goes by what
//! a name meant half a minute ago, and Kafka stays on a connection that stands, whoever answers.

use super::{Engine, EngineError};
use bollard::models::{
    EndpointIpamConfig, EndpointSettings, Ipam, IpamConfig, NetworkConnectRequest,
    NetworkCreateRequest, NetworkDisconnectRequest,
};
use std::collections::HashMap;
use std::net::Ipv4Addr;

/// The first address of each network that leads nowhere else, as many as there can be, of 256. They
/// are among those set aside for benchmarks (RFC 2544), so that nothing else is found there.
fn bases() -> impl Iterator<Item = Ipv4Addr> {
    (0..128).map(|network| Ipv4Addr::new(198, 19, network, 0))
}

/// Where this machine is on such a network.
fn gateway(base: Ipv4Addr) -> Ipv4Addr {
    u32::from(base).saturating_add(1).into()
}

/// Where the container with this number is, from 1 on.
fn address(gateway: Ipv4Addr, number: i32) -> Ipv4Addr {
    u32::from(gateway).saturating_add_signed(number).into()
}

impl Engine {
    /// Makes a network that leads to this machine and beyond it.
    pub(in super::super) async fn open_network(
        &self,
        name: &str,
        labels: HashMap<String, String>,
    ) -> Result<(), EngineError> {
        let (name, labels) = (name.to_owned(), Some(labels));
        self.make(NetworkCreateRequest { name, labels, ..Default::default() }).await
    }

    /// Makes a network by which containers reach only each other.
    pub(in super::super) async fn closed_network(
        &self,
        name: &str,
        labels: HashMap<String, String>,
    ) -> Result<(), EngineError> {
        for base in bases() {
            let config = IpamConfig {
                subnet: Some(format!("{base}/24")),
                gateway: Some(gateway(base).to_string()),
                ..Default::default()
            };
            let request = NetworkCreateRequest {
                name: name.to_owned(),
                internal: Some(true),
                ipam: Some(Ipam { config: Some(vec![config]), ..Default::default() }),
                labels: Some(labels.clone()),
                ..Default::default()
            };
            match self.make(request).await {
                // Another network has these addresses.
                Err(EngineError::Refused(reason)) if reason.contains("overlaps") => {}
                made => return made,
            }
        }
        Err(EngineError::Refused(format!("no addresses are left for network {name}")))
    }

    async fn make(&self, request: NetworkCreateRequest) -> Result<(), EngineError> {
        Ok(self.docker.create_network(request).await.map(drop)?)
    }

    /// The address of this machine on a network.
    pub(in super::super) async fn gateway(&self, network: &str) -> Result<Ipv4Addr, EngineError> {
        let found = self.docker.inspect_network(network, None).await?;
        let configs = found.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
        let gateway = configs.into_iter().find_map(|config| config.gateway?.parse().ok());
        gateway.ok_or_else(|| EngineError::Refused(format!("network {network} has no gateway")))
    }

    /// Puts a container on a network that leads nowhere else, where others know it by `alias` and
    /// its address goes by its `number`, from 1 on. One that is on it already stays there.
    pub(in super::super) async fn join(
        &self,
        network: &str,
        container: &str,
        alias: &str,
        number: i32,
    ) -> Result<(), EngineError> {
        let address = address(self.gateway(network).await?, number);
        let fixed =
            EndpointIpamConfig { ipv4_address: Some(address.to_string()), ..Default::default() };
        let endpoint = EndpointSettings {
            aliases: Some(vec![alias.to_owned()]),
            ipam_config: Some(fixed),
            ..Default::default()
        };
        let request = NetworkConnectRequest {
            container: container.to_owned(),
            endpoint_config: Some(endpoint),
        };
        match self.docker.connect_network(network, request).await.map_err(EngineError::from) {
            Err(EngineError::Refused(reason)) if reason.contains("already exists in network") => {
                Ok(())
            }
            joined => joined,
        }
    }

    /// Takes a container off a network.
    pub(in super::super) async fn part(
        &self,
        network: &str,
        container: &str,
    ) -> Result<(), EngineError> {
        let request =
            NetworkDisconnectRequest { container: container.to_owned(), force: Some(true) };
        Ok(self.docker.disconnect_network(network, request).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_container_has_an_address_of_its_own() {
        let all = bases().flat_map(|base| (0..254).map(move |n| address(gateway(base), n)));
        let addresses: std::collections::BTreeSet<Ipv4Addr> = all.collect();
        assert_eq!(addresses.len(), 128 * 254);
        // None is a network's own, or the one of all on it.
        assert!(addresses.iter().all(|address| ![0, 255].contains(&address.octets()[3])));
        assert!(addresses.contains(&Ipv4Addr::new(198, 19, 127, 254)));
    }
}
