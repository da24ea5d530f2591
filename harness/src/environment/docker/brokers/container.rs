//! The container of one broker: what Apache Kafka is told by the official image's variables.

use super::{BESIDES_MIB, Fronts, HEAP_MIB, Names, Plan, addresses, few_processors, mount, name};
use crate::environment::docker::wanted::variable;
use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, NetworkingConfig, PortBinding,
};
use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Ports inside the containers: for this machine, for workers, for peers by way of a proxy, for
/// peers, and for controllers; those from the last on are for more listeners.
const HOST_PORT: u16 = 9092;
const WORKERS_PORT: u16 = 9095;
const DELAYED_PORT: u16 = 9096;
const PEERS_PORT: u16 = 9094;
const CONTROLLER_PORT: u16 = 9093;
const MORE_PORTS: u16 = 9100;
/// Where a broker keeps its logs.
const LOGS: &str = "/var/lib/kafka/data";
/// How many bytes followers on a machine with few processors wait for, and how long at most.
const COPIED_AT_ONCE_ON_FEW: u32 = 64 << 10;
const COPY_WAIT_ON_FEW: Duration = Duration::from_millis(10);

/// How Java runs brokers. Where there are few processors, a compiler that is soon done leaves them
/// to the load; the best code is for machines where brokers run for longer than a trial.
pub(in crate::environment::docker) fn java_options() -> &'static str {
    if few_processors() {
        "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
    } else {
        "-XX:+UseG1GC -XX:MaxGCPauseMillis=20"
    }
}

/// How followers fetch, in words.
pub(in crate::environment::docker) fn follower_fetches() -> String {
    if !few_processors() {
        return "as Kafka does it by default".to_owned();
    }
    let wait = humantime::format_duration(COPY_WAIT_ON_FEW);
    format!("of {} KiB, or what there is after {wait}", COPIED_AT_ONCE_ON_FEW >> 10)
}

/// A listener: its name, its port in the container, where clients find it, and its protocol.
type Listener<'a> = (&'a str, u16, String, &'a str);

impl Plan<'_> {
    /// The container of a broker whose clients are told these places.
    pub(super) fn container(&self, id: i32, fronts: &Fronts) -> ContainerCreateBody {
        let ports = &self.ports[&id];
        let published = [(HOST_PORT, ports.host), (WORKERS_PORT, ports.workers)]
            .into_iter()
            .chain(fronts.peers.map(|_| (DELAYED_PORT, ports.delayed)))
            .chain((MORE_PORTS..).zip(ports.more.iter().copied()));
        let bindings = published.map(|(inside, outside)| {
            let binding = PortBinding {
                host_ip: Some(Ipv4Addr::LOCALHOST.to_string()),
                host_port: Some(outside.to_string()),
            };
            (format!("{inside}/tcp"), Some(vec![binding]))
        });
        let bindings: HashMap<_, _> = bindings.collect();
        let memory = (HEAP_MIB + BESIDES_MIB) * (1 << 20) + self.log_bytes();
        let endpoints = HashMap::from([(self.names.access(), EndpointSettings::default())]);
        ContainerCreateBody {
            image: Some(self.wanted.image.clone()),
            hostname: Some(name(id)),
            // Only what is exposed can be published, and the image exposes what it likes.
            exposed_ports: Some(bindings.keys().cloned().collect()),
            env: Some(self.variables(id, fronts)),
            labels: Some(self.owner.labels(self.names.environment())),
            host_config: Some(HostConfig {
                network_mode: Some(self.names.access()),
                port_bindings: Some(bindings),
                mounts: Some(vec![mount(self.names.volume(id), LOGS.to_owned())]),
                memory: i64::try_from(memory).ok(),
                memory_swap: i64::try_from(memory).ok(),
                ..Default::default()
            }),
            networking_config: Some(NetworkingConfig { endpoints_config: Some(endpoints) }),
            ..Default::default()
        }
    }

    /// The listeners of a broker.
    fn listeners(&self, id: i32, fronts: &Fronts) -> Vec<Listener<'_>> {
        let ports = &self.ports[&id];
        let here = |port| addresses([port].into_iter());
        // Left to Kafka, it is the host's name (KAFKA-20380). Docker makes that known on every network,
        // and a controller that is cut off would be reached by way of the one to this machine.
        let control = format!("{}:{CONTROLLER_PORT}", Names::alias(id, "control"));
        // Peers that go by way of a proxy are let in where the proxy gets to.
        let (peers_port, peers) = match fronts.peers {
            None => (PEERS_PORT, format!("{}:{PEERS_PORT}", Names::alias(id, "peers"))),
            Some(front) => (DELAYED_PORT, front.to_string()),
        };
        let own = [
            ("HOST", HOST_PORT, fronts.host.to_string(), "PLAINTEXT"),
            ("WORKERS", WORKERS_PORT, fronts.workers.to_string(), "PLAINTEXT"),
            ("PEERS", peers_port, peers, "PLAINTEXT"),
            ("CONTROLLER", CONTROLLER_PORT, control, "PLAINTEXT"),
        ];
        let more = (MORE_PORTS..).zip(&self.wanted.listeners).zip(&ports.more);
        let more = more.map(|((inside, (name, protocol)), outside)| {
            (name.as_str(), inside, here(*outside), protocol.as_str())
        });
        own.into_iter().chain(more).collect()
    }

    /// The settings of a broker, as the official image takes them.
    fn variables(&self, id: i32, fronts: &Fronts) -> Vec<String> {
        let session = self.session();
        let voters: Vec<_> = self
            .ports
            .keys()
            .map(|id| format!("{id}@{}:{CONTROLLER_PORT}", Names::alias(*id, "control")))
            .collect();
        let listeners = self.listeners(id, fronts);
        let listed = |one: fn(&Listener<'_>) -> String| {
            listeners.iter().map(one).collect::<Vec<_>>().join(",")
        };
        let (replicas, min_in_sync) = (self.replicas(), self.min_in_sync());
        let settings: [(&str, String); 26] = [
            ("CLUSTER_ID", "4L6g3nShT-eMCtK--X86sw".to_owned()),
            ("KAFKA_HEAP_OPTS", format!("-Xms256m -Xmx{HEAP_MIB}m")),
            ("KAFKA_JVM_PERFORMANCE_OPTS", java_options().to_owned()),
            ("KAFKA_PROCESS_ROLES", "broker,controller".to_owned()),
            ("KAFKA_NODE_ID", id.to_string()),
            ("KAFKA_LISTENERS", listed(|(name, inside, ..)| format!("{name}://:{inside}"))),
            (
                "KAFKA_ADVERTISED_LISTENERS",
                listed(|(name, _, outside, _)| format!("{name}://{outside}")),
            ),
            (
                "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP",
                listed(|(name, .., protocol)| format!("{name}:{protocol}")),
            ),
            ("KAFKA_INTER_BROKER_LISTENER_NAME", "PEERS".to_owned()),
            ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER".to_owned()),
            ("KAFKA_CONTROLLER_QUORUM_VOTERS", voters.join(",")),
            ("KAFKA_BROKER_HEARTBEAT_INTERVAL_MS", (session.as_millis() / 5).to_string()),
            ("KAFKA_BROKER_SESSION_TIMEOUT_MS", session.as_millis().to_string()),
            ("KAFKA_LOG_DIRS", format!("{LOGS}/logs")),
            ("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false".to_owned()),
            ("KAFKA_AUTO_LEADER_REBALANCE_ENABLE", "false".to_owned()),
            ("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "200".to_owned()),
            ("KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS", "500".to_owned()),
            ("KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS", "3".to_owned()),
            ("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", replicas.to_string()),
            ("KAFKA_TRANSACTION_STATE_LOG_NUM_PARTITIONS", "3".to_owned()),
            ("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", replicas.to_string()),
            ("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", min_in_sync.to_string()),
            // Nobody must wait for a dead connection for long: a follower whose network comes back,
            // or a broker whose controller is cut off.
            ("KAFKA_REPLICA_SOCKET_TIMEOUT_MS", "2000".to_owned()),
            ("KAFKA_CONTROLLER_SOCKET_TIMEOUT_MS", "2000".to_owned()),
            ("KAFKA_REPLICA_LAG_TIME_MAX_MS", "10000".to_owned()),
        ];
        // Followers that ask for every single record take what few processors there are.
        let copying = few_processors().then(|| {
            [
                ("KAFKA_REPLICA_FETCH_MIN_BYTES", COPIED_AT_ONCE_ON_FEW.to_string()),
                ("KAFKA_REPLICA_FETCH_WAIT_MAX_MS", COPY_WAIT_ON_FEW.as_millis().to_string()),
            ]
        });
        let settings = settings.into_iter().chain(copying.into_iter().flatten());
        let mut variables: BTreeMap<String, String> =
            settings.map(|(key, value)| (key.to_owned(), value)).collect();
        let wanted = self.wanted.settings.iter();
        variables.extend(wanted.map(|(key, value)| (variable(key), value.clone())));
        variables.into_iter().map(|(key, value)| format!("{key}={value}")).collect()
    }
}
