//! The handle to a running cluster.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::net::TcpSocket;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Clock;
use crate::cluster::Cluster;
use crate::config::ClusterConfig;
use crate::coordinator::GroupView;
use crate::error::ClusterError;
use crate::quota::{Quota, QuotaTarget, Throttled};
use crate::security::Security;
use crate::server::authentication::Gate;
use crate::server::capture::CapturedRequest;
use crate::server::listener::{bind, listen};
use crate::server::{Server, lock};
use crate::transactions::TransactionView;
use crate::view::{BrokerView, LeaderMove, PartitionView, ReplicaView};

mod failures;

/// The name of the listener that every cluster has.
const DEFAULT_LISTENER: &str = "default";

/// A Kafka cluster in this process. Clients reach it over TCP on loopback. It stops when it is
/// dropped; [`EmbeddedKafka::shutdown`] also waits until everything is gone.
#[derive(Debug)]
pub struct EmbeddedKafka {
    server: Arc<Server>,
    brokers: Mutex<Vec<BrokerSockets>>,
    cancel: CancellationToken,
    timer: TaskTracker,
}

/// The sockets of one broker and the tasks on them.
#[derive(Debug)]
struct BrokerSockets {
    id: i32,
    addresses: Vec<SocketAddr>,
    /// While the broker is down: its ports, kept so that nobody else takes them.
    reserved: Vec<TcpSocket>,
    cancel: CancellationToken,
    tasks: TaskTracker,
}

impl EmbeddedKafka {
    /// Starts `brokers` brokers with [`ClusterConfig::with_brokers`].
    ///
    /// # Errors
    ///
    /// When a socket cannot be opened, or with `InvalidInput` for a number of brokers that is not
    /// allowed.
    pub async fn start(brokers: usize) -> io::Result<Self> {
        Self::start_with(ClusterConfig::with_brokers(brokers)).await
    }

    /// Starts a cluster.
    ///
    /// # Errors
    ///
    /// When a socket cannot be opened, or with `InvalidInput` for settings that make no cluster.
    pub async fn start_with(config: ClusterConfig) -> io::Result<Self> {
        config.validate()?;
        let security = config.security.clone();
        let clock = Clock::start();
        let ids = 1..=config.brokers as i32;
        let mut cluster = Cluster::new(config);
        cluster.set_started_at(clock.started_at());
        let cancel = CancellationToken::new();
        let sockets = ids.map(|id| BrokerSockets {
            id,
            addresses: Vec::new(),
            reserved: Vec::new(),
            cancel: cancel.child_token(),
            tasks: TaskTracker::new(),
        });
        let server = Arc::new(Server::new(cluster, clock));
        let timer = TaskTracker::new();
        timer.spawn(server.clone().run_timer(cancel.clone()));
        let brokers = Mutex::new(sockets.collect());
        let kafka = Self { server, brokers, cancel, timer };
        kafka.open_listener(DEFAULT_LISTENER, &security)?;
        Ok(kafka)
    }

    /// The addresses of the default listener, for `bootstrap.servers`.
    pub fn bootstrap_servers(&self) -> String {
        let brokers = self.sockets();
        let addresses = brokers.iter().filter_map(|broker| broker.addresses.first());
        addresses.map(SocketAddr::to_string).collect::<Vec<_>>().join(",")
    }

    /// Opens one more socket at each broker and returns their addresses in the order of the
    /// brokers' ids. Clients that come in here are told the addresses of this listener.
    ///
    /// # Errors
    ///
    /// When a socket cannot be opened or the name is taken.
    pub async fn add_listener(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        self.open_listener(name, &Security::default())
    }

    /// As [`EmbeddedKafka::add_listener`], for clients that use TLS or authenticate.
    ///
    /// # Errors
    ///
    /// As there, and when certificates or keys cannot be used.
    pub async fn add_secure_listener(
        &self,
        name: &str,
        security: &Security,
    ) -> io::Result<Vec<SocketAddr>> {
        self.open_listener(name, security)
    }

    fn open_listener(&self, name: &str, security: &Security) -> io::Result<Vec<SocketAddr>> {
        let gate = Gate::new(security)?;
        let mut brokers = self.sockets();
        if self.server.with(|cluster, _, _| cluster.listener(name).is_some()) {
            return Err(ClusterError::ListenerExists(name.to_owned()).into());
        }
        let opened: Vec<TcpSocket> =
            brokers.iter().map(|_| bind(None)).collect::<io::Result<_>>()?;
        let addresses: Vec<SocketAddr> =
            opened.iter().map(TcpSocket::local_addr).collect::<io::Result<_>>()?;
        let number = self.server.with(|cluster, _, _| cluster.add_listener(name, &addresses));
        self.server.guard(number, gate);
        for ((broker, socket), &address) in brokers.iter_mut().zip(opened).zip(&addresses) {
            broker.addresses.push(address);
            if self.server.with(|cluster, _, _| cluster.listens(broker.id)) {
                let (cancel, tasks) = (&broker.cancel, &broker.tasks);
                listen(&self.server, socket, broker.id, number, cancel, tasks)?;
            } else {
                broker.reserved.push(socket);
            }
        }
        Ok(addresses)
    }

    /// Sets the address that clients of a listener are told for a broker: that of a proxy in
    /// front of it, say.
    ///
    /// # Errors
    ///
    /// When there is no such listener or broker.
    pub fn advertise(
        &self,
        listener: &str,
        broker: i32,
        address: SocketAddr,
    ) -> Result<(), ClusterError> {
        self.server.with(|cluster, _, _| {
            let number = cluster.listener(listener);
            let number =
                number.ok_or_else(|| ClusterError::UnknownListener(listener.to_owned()))?;
            match cluster.advertise(number, broker, address) {
                true => Ok(()),
                false => Err(ClusterError::UnknownBroker(broker)),
            }
        })
    }

    /// Creates a topic with the configured replication factor.
    ///
    /// # Errors
    ///
    /// When the topic exists, its name or the number of partitions is not allowed, or too few
    /// brokers run.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<(), ClusterError> {
        self.server.with(|cluster, _, _| cluster.create_topic(name, partitions))
    }

    /// Adds partitions to a topic, so that it has so many in all.
    ///
    /// # Errors
    ///
    /// When there is no such topic, it has as many already, or the number is not allowed.
    pub fn grow_topic(&self, name: &str, partitions: i32) -> Result<(), ClusterError> {
        self.server.with(|cluster, _, _| cluster.grow_topic(name, partitions))
    }

    /// The partitions of a topic, by index; `None` if there is no such topic.
    pub fn partitions(&self, topic: &str) -> Option<Vec<PartitionView>> {
        self.server.with(|cluster, _, _| cluster.partitions(topic))
    }

    /// The copies of a partition, in the order of its assignment, with every batch of their logs;
    /// `None` if there is no such partition.
    pub fn replicas(&self, topic: &str, partition: i32) -> Option<Vec<ReplicaView>> {
        self.server.with(|cluster, _, _| cluster.replicas(topic, partition))
    }

    /// A consumer group; `None` if there is no such group.
    pub fn group(&self, id: &str) -> Option<GroupView> {
        self.server.with(|cluster, _, _| cluster.group(id))
    }

    /// The broker that coordinates a consumer group; `None` while none can.
    pub fn group_coordinator(&self, id: &str) -> Option<i32> {
        self.server.with(|cluster, _, _| cluster.coordinator_of(id))
    }

    /// The internal topic and its partition whose leader coordinates a consumer group: moving that
    /// leader moves the coordinator. The topic is there once a client has asked for a coordinator.
    pub fn partition_of_group(&self, id: &str) -> (&'static str, i32) {
        crate::cluster::Cluster::partition_of(id)
    }

    /// Lets a consumer group rebalance, though nothing has changed: its members are told at their
    /// next heartbeats. False if it has no members, or rebalances already.
    pub fn unsettle_group(&self, id: &str) -> bool {
        self.server.with(|cluster, now, answers| cluster.unsettle(now, id, answers))
    }

    /// The transactional ids that producers have taken, in their order.
    pub fn transactions(&self) -> Vec<TransactionView> {
        self.server.with(|cluster, _, _| cluster.transactions())
    }

    /// The offset that a group has committed for a partition, without the cost of the whole
    /// [`EmbeddedKafka::group`].
    pub fn committed(&self, group: &str, topic: &str, partition: i32) -> Option<i64> {
        self.server.with(|cluster, _, _| cluster.committed_offset(group, topic, partition))
    }

    /// The brokers, by id.
    pub fn brokers(&self) -> Vec<BrokerView> {
        let brokers = self.sockets();
        let views = brokers.iter().filter_map(|broker| {
            Some(BrokerView {
                id: broker.id,
                alive: self.server.with(|cluster, _, _| cluster.alive(broker.id)),
                address: *broker.addresses.first()?,
                connections: self.server.connections(broker.id),
            })
        });
        views.collect()
    }

    /// All metrics in Prometheus' text format, under the names that the usual configuration of
    /// the JMX exporter gives to Kafka's, with a label `broker`. Brokers that are down have none.
    /// Times of requests are of all requests so far (Kafka favours the last minutes).
    pub fn metrics(&self) -> String {
        self.server.metrics()
    }

    /// The last [`ClusterConfig::capture`] requests, in the order of their answers.
    pub fn captured(&self) -> Vec<CapturedRequest> {
        self.server.captured()
    }

    /// Sets how fast clients may go at each broker, replacing what was set for the target before.
    ///
    /// # Errors
    ///
    /// When the target names neither users nor client ids, or a bound is not greater than 0.
    pub fn set_quota(&self, target: QuotaTarget, quota: Quota) -> Result<(), ClusterError> {
        self.server.with(|cluster, _, _| cluster.quotas().set(target, quota))
    }

    /// Ends the pauses of clients that were over their quotas: the brokers read from them again at
    /// once. In Kafka pauses run out.
    pub fn end_pauses(&self) {
        self.server.end_pauses();
    }

    /// What a broker has throttled since the start, for quotas of whatever target.
    pub fn throttled(&self, id: i32) -> Throttled {
        self.server.with(|cluster, _, _| cluster.quotas().throttled(id))
    }

    /// Deletes the records of a partition before an offset (-1: all that consumers can see) and
    /// returns the new start of its log.
    ///
    /// # Errors
    ///
    /// When there is no such partition, or the offset is beyond the high watermark.
    pub fn delete_records(
        &self,
        topic: &str,
        partition: i32,
        before_offset: i64,
    ) -> Result<i64, ClusterError> {
        self.server.with(|cluster, _, _| cluster.delete_before(topic, partition, before_offset))
    }

    /// Makes the in-sync replica `to` lead a partition, or the next in-sync replica if `None`.
    ///
    /// # Errors
    ///
    /// When there is no such partition, or the replica is not alive and in sync, or leads already.
    pub fn move_leader(
        &self,
        topic: &str,
        partition: i32,
        to: Option<i32>,
    ) -> Result<LeaderMove, ClusterError> {
        self.server.with(|cluster, _, answers| cluster.move_leader(topic, partition, to, answers))
    }

    /// Stops all brokers and waits until every connection, task and port is gone.
    pub async fn shutdown(self) {
        self.cancel.cancel();
        let trackers: Vec<TaskTracker> = {
            let mut brokers = self.sockets();
            brokers.iter_mut().for_each(|broker| broker.reserved.clear());
            brokers.iter().map(|broker| broker.tasks.clone()).collect()
        };
        for tracker in trackers.iter().chain([&self.timer]) {
            tracker.close();
            tracker.wait().await;
        }
    }

    fn sockets(&self) -> MutexGuard<'_, Vec<BrokerSockets>> {
        lock(&self.brokers)
    }
}

impl Drop for EmbeddedKafka {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

fn find(brokers: &mut [BrokerSockets], id: i32) -> Result<&mut BrokerSockets, ClusterError> {
    brokers.iter_mut().find(|broker| broker.id == id).ok_or(ClusterError::UnknownBroker(id))
}
