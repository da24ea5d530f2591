//! Three containers with Apache Kafka: how they are set up, started and got ready.
//!
//! Each broker is a controller too, and has a volume in memory for its logs: a container that
//! holds all the volumes keeps them while brokers are down. There are three networks: brokers copy
//! from their peers on one, controllers vote on another, and both lead nowhere else; the third
//! leads to the ports that this machine reaches.

mod container;
#[cfg(test)]
mod tests;

use super::admin;
use super::cluster::{Cluster, TOPICS};
use super::engine::{Engine, EngineError};
use super::owner::Owner;
use super::wanted::Wanted;
use crate::clock::Anchor;
use crate::environment::GROUP;
use crate::environment::local::brokers::name;
use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::ops::Range;
use std::time::Duration;

pub(super) use container::{follower_fetches, java_options};

/// Where the keeper of the volumes sees the logs of broker N.
const KEPT: &str = "/kept";
/// A broker's heap, and what its container may take besides heap and logs, in MiB.
const HEAP_MIB: u64 = 512;
const BESIDES_MIB: u64 = 512;
/// Size of a log volume for what is not kept to the end, in bytes.
const LOG_BYTES: u64 = 1 << 30;
/// Below it a session with the controller ends now and then on a machine with much to do.
const SESSION_MIN: Duration = Duration::from_millis(2_500);
/// Ports of this machine for brokers, below those that systems give to whoever asks for any: no
/// connection of ours gets one between the time that it is found and that Docker takes it.
const PORTS: Range<u16> = 15_000..30_000;
/// Time that the brokers have to start.
const START_LIMIT: Duration = Duration::from_secs(120);

/// Replicas of a partition that must have a record before it is acknowledged to `acks=all`.
pub(super) fn min_in_sync(brokers: usize) -> usize {
    brokers.min(2)
}

/// Whether brokers must share processors with the load and with each other.
pub(super) fn few_processors() -> bool {
    std::thread::available_parallelism().map_or(true, |processors| processors.get() < 8)
}

/// The names of one environment's containers, networks and volumes.
#[derive(Debug, Clone)]
pub(super) struct Names {
    environment: String,
}

impl Names {
    pub(super) fn new(environment: String) -> Self {
        Self { environment }
    }

    pub(super) fn environment(&self) -> &str {
        &self.environment
    }

    pub(super) fn container(&self, id: i32) -> String {
        format!("{}-{}", self.environment, name(id))
    }

    pub(super) fn keeper(&self) -> String {
        format!("{}-keeper", self.environment)
    }

    fn volume(&self, id: i32) -> String {
        format!("{}-log-{id}", self.environment)
    }

    /// The network on which brokers copy from each other.
    pub(super) fn peers(&self) -> String {
        format!("{}-peers", self.environment)
    }

    /// The network on which controllers vote, and brokers report to them.
    pub(super) fn control(&self) -> String {
        format!("{}-control", self.environment)
    }

    fn access(&self) -> String {
        format!("{}-access", self.environment)
    }

    /// The folder of a broker's logs, in the keeper.
    pub(super) fn kept(id: i32) -> String {
        format!("{KEPT}/{id}")
    }

    /// By what name others on the network for peers, or the one for controllers, know a broker.
    pub(super) fn alias(id: i32, network: &'static str) -> String {
        format!("{}-{network}", name(id))
    }
}

/// Where a broker listens on this machine.
#[derive(Debug, Clone)]
pub(super) struct Ports {
    pub(super) host: u16,
    pub(super) workers: u16,
    /// For peers by way of a proxy.
    pub(super) delayed: u16,
    /// For more listeners, in their order.
    pub(super) more: Vec<u16>,
}

/// Where clients are told to connect to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fronts {
    pub(super) host: SocketAddr,
    pub(super) workers: SocketAddr,
    /// Where peers connect to, if not to each other.
    pub(super) peers: Option<SocketAddr>,
}

/// Ports that were free a moment ago. All are held until all are found, so that none comes twice.
pub(super) fn free_ports(wanted: &Wanted) -> std::io::Result<BTreeMap<i32, Ports>> {
    let mut held = Vec::new();
    // Two that start at once are to begin at different places.
    let start = RandomState::new().hash_one(()) as usize % PORTS.len();
    let mut tried = PORTS.cycle().skip(start).take(PORTS.len());
    let mut free = || -> std::io::Result<u16> {
        let port = tried.find_map(|port| {
            held.push(TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok()?);
            Some(port)
        });
        port.ok_or_else(|| std::io::Error::other(format!("all of {PORTS:?} are in use")))
    };
    let mut ports = || -> std::io::Result<Ports> {
        let (host, workers, delayed) = (free()?, free()?, free()?);
        let more = wanted.listeners.iter().map(|_| free()).collect::<Result<_, _>>()?;
        Ok(Ports { host, workers, delayed, more })
    };
    (1..).take(wanted.brokers).map(|id| Ok((id, ports()?))).collect()
}

/// Where the harness's clients find the brokers.
pub(super) fn bootstrap(fronts: &BTreeMap<i32, Fronts>) -> String {
    fronts.values().map(|front| front.host.to_string()).collect::<Vec<_>>().join(",")
}

/// Ports of this machine, as clients are told of them.
pub(super) fn addresses(ports: impl Iterator<Item = u16>) -> String {
    ports.map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>().join(",")
}

/// Everything that the containers of one environment have in common.
pub(super) struct Plan<'a> {
    pub(super) names: &'a Names,
    pub(super) owner: &'a Owner,
    pub(super) wanted: &'a Wanted,
    pub(super) ports: &'a BTreeMap<i32, Ports>,
}

impl Plan<'_> {
    /// The size of one broker's log volume, in bytes.
    fn log_bytes(&self) -> u64 {
        LOG_BYTES + self.wanted.kept_bytes
    }

    /// How long a broker may be silent until its controller holds it to be gone.
    pub(super) fn session(&self) -> Duration {
        self.wanted.detection.max(SESSION_MIN)
    }

    /// The memory that the brokers take together, in bytes, while their logs are small.
    pub(super) fn memory_bytes(&self) -> u64 {
        (HEAP_MIB + BESIDES_MIB / 2) * (1 << 20) * self.ports.len() as u64
    }

    /// Makes networks, volumes and the keeper; gives this machine's address as containers see it.
    pub(super) async fn prepare(&self, engine: &Engine) -> Result<Ipv4Addr, EngineError> {
        let labels = || self.owner.labels(self.names.environment());
        engine.open_network(&self.names.access(), labels()).await?;
        engine.closed_network(&self.names.peers(), labels()).await?;
        engine.closed_network(&self.names.control(), labels()).await?;
        for id in self.ports.keys() {
            engine.volume(&self.names.volume(*id), self.log_bytes(), labels()).await?;
        }
        let mounts = self.ports.keys().map(|id| mount(self.names.volume(*id), Names::kept(*id)));
        let keeper = ContainerCreateBody {
            image: Some(self.wanted.image.clone()),
            entrypoint: Some(vec!["sleep".to_owned(), "infinity".to_owned()]),
            labels: Some(labels()),
            host_config: Some(HostConfig {
                network_mode: Some("none".to_owned()),
                mounts: Some(mounts.collect()),
                ..Default::default()
            }),
            ..Default::default()
        };
        engine.create(&self.names.keeper(), keeper).await?;
        engine.start(&self.names.keeper()).await?;
        engine.gateway(&self.names.access()).await
    }

    /// Starts the brokers, and waits until they are one cluster with the topics that are wanted.
    pub(super) async fn start(
        &self,
        engine: &Engine,
        fronts: &BTreeMap<i32, Fronts>,
    ) -> Result<Cluster, EngineError> {
        for (id, front) in fronts {
            let container = self.names.container(*id);
            engine.create(&container, self.container(*id, front)).await?;
            for (network, kind) in
                [(self.names.peers(), "peers"), (self.names.control(), "control")]
            {
                engine.join(&network, &container, &Names::alias(*id, kind), *id).await?;
            }
        }
        let containers: Vec<_> = fronts.keys().map(|id| self.names.container(*id)).collect();
        let starts = containers.iter().map(|container| engine.start(container));
        futures::future::try_join_all(starts).await?;
        let address = |ports: &Ports| SocketAddr::from((Ipv4Addr::LOCALHOST, ports.host));
        let cluster =
            Cluster::watch(self.ports.iter().map(|(id, ports)| (*id, address(ports))).collect());
        self.until_ready(engine, &cluster).await?;
        Ok(cluster)
    }

    async fn until_ready(&self, engine: &Engine, cluster: &Cluster) -> Result<(), EngineError> {
        let begun = Anchor::now();
        let everybody = |cluster: &Cluster| {
            let views = cluster.views();
            views.len() == self.ports.len()
                && views.values().all(|view| view.metadata.brokers.len() == self.ports.len())
        };
        self.wait(engine, begun, "form a cluster", || everybody(cluster)).await?;
        self.create_topics(begun, cluster).await?;
        let topics = self.wanted.topics.iter().filter(|(topic, _)| TOPICS.contains(topic));
        let partitions: i32 = topics.map(|(_, partitions)| partitions).sum();
        let in_sync = || {
            let known = cluster.partitions();
            i32::try_from(known.len()) == Ok(partitions)
                && known.values().all(|partition| {
                    partition.leader.is_some() && partition.in_sync.len() == self.replicas()
                })
        };
        self.wait(engine, begun, "copy the trial's topics", in_sync).await?;
        // The first question makes the topic of offsets; workers need not wait for it then.
        let coordinated = || cluster.coordinator().is_some();
        self.wait(engine, begun, &format!("coordinate the group {GROUP}"), coordinated).await
    }

    /// Creates the topics that are wanted. Brokers that have just started, on a machine with much to
    /// do, may be held to be gone for a moment.
    async fn create_topics(&self, begun: Anchor, cluster: &Cluster) -> Result<(), EngineError> {
        let replicas = i16::try_from(self.replicas()).unwrap_or(3);
        let settings = [
            ("min.insync.replicas", self.min_in_sync().to_string()),
            ("segment.bytes", (4 << 20).to_string()),
            ("file.delete.delay.ms", "1000".to_owned()),
        ];
        loop {
            let created = async {
                let mut connection = cluster.connect().await?;
                let topics = &self.wanted.topics;
                admin::create_topics(&mut connection, topics, replicas, &settings).await
            };
            match created.await {
                Ok(()) => return Ok(()),
                Err(error) if begun.elapsed() > START_LIMIT => {
                    return Err(EngineError::Refused(format!("{error:#}")));
                }
                Err(error) => tracing::debug!(%error, "topics are not created yet"),
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Waits until something holds. A container that has ended will never see it.
    async fn wait(
        &self,
        engine: &Engine,
        begun: Anchor,
        what: &str,
        holds: impl Fn() -> bool,
    ) -> Result<(), EngineError> {
        while !holds() {
            let late = begun.elapsed() > START_LIMIT;
            for id in self.ports.keys() {
                let container = self.names.container(*id);
                if late || !engine.state(&container).await?.running {
                    let said = engine.last_lines(&container, 5).await;
                    let why = if late { "in time" } else { "and one has ended" };
                    let reason = format!("the brokers did not {what} {why}; {}: {said}", name(*id));
                    return Err(EngineError::Refused(reason));
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Ok(())
    }

    fn replicas(&self) -> usize {
        self.ports.len().min(3)
    }

    fn min_in_sync(&self) -> usize {
        min_in_sync(self.ports.len())
    }
}

fn mount(volume: String, target: String) -> Mount {
    Mount {
        typ: Some(MountType::VOLUME),
        source: Some(volume),
        target: Some(target),
        ..Default::default()
    }
}
