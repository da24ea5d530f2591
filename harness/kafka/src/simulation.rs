//! A cluster without sockets, tasks or clock: frames and time go in, frames come out.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::{Buf, Bytes};

use crate::cluster::{Answer, Cluster, Origin};
use crate::config::ClusterConfig;
use crate::coordinator::{ClientInfo, GroupView};
use crate::error::ClusterError;
use crate::server::observe::Asked;
use crate::server::outbox::{Answered, Outbox};
use crate::view::{LeaderMove, PartitionView, ReplicaView};
use crate::wire::Output;
use crate::wire::frame::FrameReader;
use crate::wire::request::decode;
use crate::wire::response::encode;

mod failures;

/// A cluster whose time is the caller's, for tests that must repeat exactly: the same calls with
/// the same configuration (its seed among it) give the same bytes.
///
/// Connections are numbers; what a client would write to its socket goes to
/// [`Simulation::send`], what it would read comes from [`Simulation::receive`]. Time stands still
/// until [`Simulation::advance`].
///
/// ```
/// use embedded_kafka::{ClusterConfig, Simulation};
/// use std::time::Duration;
///
/// let mut cluster = Simulation::new(ClusterConfig::with_brokers(3));
/// cluster.create_topic("orders", 4)?;
/// let connection = cluster.connect(1).ok_or("broker 1 is down")?;
/// // ApiVersions, version 0, correlation id 7, no client id.
/// cluster.send(connection, &[0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff]);
/// let answer = cluster.receive(connection).ok_or("no answer")?;
/// assert_eq!(answer[..4], [0, 0, 0, 7]);
/// cluster.advance(Duration::from_secs(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Simulation {
    cluster: Cluster,
    now: Duration,
    connections: BTreeMap<u32, Connection>,
    next_connection: u32,
    answered: BTreeSet<u32>,
    frame_bytes_max: usize,
}

#[derive(Debug)]
struct Connection {
    broker: i32,
    client: ClientInfo,
    reader: FrameReader,
    outbox: Outbox,
    output: Output,
}

impl Simulation {
    /// A cluster at time zero. Its listener's addresses are made up.
    pub fn new(config: ClusterConfig) -> Self {
        let frame_bytes_max = config.request_bytes_max;
        let ports = (0..config.brokers).map(|index| 9_092u16.wrapping_add(index as u16));
        let addresses: Vec<_> = ports.map(|port| ([127, 0, 0, 1], port).into()).collect();
        let mut cluster = Cluster::new(config);
        cluster.add_listener("default", &addresses);
        let (connections, answered) = (BTreeMap::new(), BTreeSet::new());
        let now = Duration::ZERO;
        Self { cluster, now, connections, next_connection: 0, answered, frame_bytes_max }
    }

    /// Time since the start.
    pub fn now(&self) -> Duration {
        self.now
    }

    /// Opens a connection to a broker; `None` when it does not listen.
    pub fn connect(&mut self, broker: i32) -> Option<u32> {
        if !self.cluster.listens(broker) {
            return None;
        }
        let id = self.next_connection;
        self.next_connection += 1;
        let client = ClientInfo { client_id: String::new(), host: "/127.0.0.1".to_owned() };
        let (outbox, output) = (Outbox::default(), Output::default());
        let reader = FrameReader::new(self.frame_bytes_max);
        self.connections.insert(id, Connection { broker, client, reader, outbox, output });
        Some(id)
    }

    /// Whether the connection is still open.
    pub fn is_open(&self, connection: u32) -> bool {
        self.connections.contains_key(&connection)
    }

    /// Sends a request: a frame without its length field. A frame that is no request closes the
    /// connection, as does a broker that has gone.
    pub fn send(&mut self, connection: u32, frame: &[u8]) {
        let Some(open) = self.connections.get_mut(&connection) else { return };
        let Ok(decoded) = decode(Bytes::copy_from_slice(frame), self.frame_bytes_max) else {
            return self.close(connection);
        };
        let question = decoded.question();
        let asked = Asked::new(self.now, frame.len(), open.broker, &question, &decoded.client_id);
        open.client.client_id = decoded.client_id;
        let version = question.version;
        let number = open.outbox.expect(question, asked);
        let ticket = u64::from(connection) << 32 | u64::from(number);
        let origin = Origin { ticket, broker: open.broker, listener: 0, version };
        let mut answers = Vec::new();
        let request = (question.key, decoded.request);
        self.cluster.accept(self.now, &origin, &open.client, request, &mut answers);
        self.deliver(answers);
    }

    /// Takes bytes as they come over a socket, in any pieces: frames with their length fields. A
    /// length beyond the configured bound closes the connection before anything is reserved.
    pub fn write(&mut self, connection: u32, bytes: &[u8]) {
        let Some(open) = self.connections.get_mut(&connection) else { return };
        let mut frames = Vec::new();
        let understood = open.reader.push(bytes, &mut frames).is_ok();
        for frame in frames {
            self.send(connection, &frame);
        }
        if !understood {
            self.close(connection);
        }
    }

    /// The next response in the order of the requests, without its length field.
    pub fn receive(&mut self, connection: u32) -> Option<Bytes> {
        let open = self.connections.get_mut(&connection)?;
        if open.output.len() == 0 {
            let Answered { question, response, .. } = open.outbox.next()?;
            if encode(response, question, &mut open.output).is_err() {
                self.close(connection);
                return None;
            }
        }
        let length = open.output.take(4)?.get_u32();
        open.output.take(length as usize)
    }

    /// The open connections, in order, to which an answer was written since this was last asked:
    /// with many open it saves asking each. An answer behind an open question still has to wait.
    pub fn answered(&mut self) -> impl Iterator<Item = u32> + use<> {
        std::mem::take(&mut self.answered).into_iter()
    }

    /// Closes a connection; what it waits for is given up.
    pub fn close(&mut self, connection: u32) {
        let Some(open) = self.connections.remove(&connection) else { return };
        self.answered.remove(&connection);
        let tickets = open.outbox.unanswered().into_iter();
        let tickets = tickets.map(|number| u64::from(connection) << 32 | u64::from(number));
        self.cluster.abandon(tickets);
    }

    /// When the cluster has something to do next by itself.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.cluster.next_deadline()
    }

    /// Lets time pass up to `to`, doing what is due on the way in its order.
    pub fn advance(&mut self, to: Duration) {
        while let Some(due) = self.cluster.next_deadline().filter(|due| *due <= to) {
            self.now = self.now.max(due);
            let mut answers = Vec::new();
            self.cluster.advance(self.now, &mut answers);
            self.deliver(answers);
        }
        self.now = self.now.max(to);
    }

    /// Creates a topic with the cluster's default settings.
    ///
    /// # Errors
    ///
    /// When there is one of that name, or name or number of partitions are not allowed.
    pub fn create_topic(&mut self, name: &str, partitions: i32) -> Result<(), ClusterError> {
        self.cluster.create_topic(name, partitions)
    }

    /// The partitions of a topic as they stand.
    pub fn partitions(&self, topic: &str) -> Option<Vec<PartitionView>> {
        self.cluster.partitions(topic)
    }

    /// The copies of a partition, in the order of its assignment, with every batch of their logs.
    pub fn replicas(&self, topic: &str, partition: i32) -> Option<Vec<ReplicaView>> {
        self.cluster.replicas(topic, partition)
    }

    /// A group as it stands.
    pub fn group(&self, id: &str) -> Option<GroupView> {
        self.cluster.group(id)
    }

    /// Makes another in-sync replica lead.
    ///
    /// # Errors
    ///
    /// When there is no such partition, or no such replica is alive and in sync.
    pub fn move_leader(
        &mut self,
        topic: &str,
        partition: i32,
        to: Option<i32>,
    ) -> Result<LeaderMove, ClusterError> {
        self.change(|cluster, _, answers| cluster.move_leader(topic, partition, to, answers))
    }

    fn change<T>(
        &mut self,
        change: impl FnOnce(&mut Cluster, Duration, &mut Vec<Answer>) -> T,
    ) -> T {
        let mut answers = Vec::new();
        let result = change(&mut self.cluster, self.now, &mut answers);
        self.deliver(answers);
        result
    }

    fn deliver(&mut self, mut answers: Vec<Answer>) {
        self.cluster.replace_failed(&mut answers);
        for Answer { ticket, response } in answers {
            if let Some(open) = self.connections.get(&((ticket >> 32) as u32)) {
                open.outbox.answer(ticket as u32, response);
                self.answered.insert((ticket >> 32) as u32);
            }
        }
    }
}
