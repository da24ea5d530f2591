//! What a case has at hand: a cluster, names of its own, connections, and a place for what it saw.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::MetadataResponsePartition;
use kafka_protocol::messages::*;
use kafka_protocol::protocol::Request;
use uuid::Uuid;

use super::connection::Connection;
use super::names::{error, text, topic_name};
use super::subject::Subject;
use super::tools::Tools;
use crate::micro::now;

/// How long a cluster may take on a slow machine to reach a state that it must reach.
const PATIENCE: Duration = Duration::from_secs(60);

/// The kinds of keys that a coordinator is found for.
pub(crate) const GROUP: i8 = 0;
/// A transactional id's coordinator.
pub(crate) const TRANSACTION: i8 = 1;

/// The surroundings of one case on one subject.
pub(crate) struct Context<'a> {
    /// The cluster.
    pub(crate) subject: &'a dyn Subject,
    /// Clients that are programs of their own.
    pub(crate) tools: &'a Tools,
    addresses: &'a BTreeMap<i32, SocketAddr>,
    avoided: Option<i32>,
    connections: BTreeMap<i32, Connection>,
    tag: String,
    seen: Vec<String>,
    topics: usize,
}

impl<'a> Context<'a> {
    /// `tag` makes the names of this case's topics and groups its own.
    pub(crate) fn new(
        subject: &'a dyn Subject,
        addresses: &'a BTreeMap<i32, SocketAddr>,
        tools: &'a Tools,
        tag: String,
    ) -> Self {
        let connections = BTreeMap::new();
        let (avoided, seen, topics) = (None, Vec::new(), 0);
        Self { subject, tools, addresses, avoided, connections, tag, seen, topics }
    }

    /// Notes one line of what the case observes.
    pub(crate) fn see(&mut self, line: impl ToString) {
        self.seen.push(line.to_string().replace(&self.tag, ""));
    }

    /// Notes what an answer says of the leader beside its error.
    pub(crate) fn see_leader_hint(&mut self, told: bool, epoch: i32, endpoints: usize) {
        self.see(format!("leader told {told}, epoch {epoch}"));
        self.see(format!("endpoints {endpoints}"));
    }

    /// All that was noted.
    pub(crate) fn into_seen(self) -> Vec<String> {
        self.seen
    }

    /// A name that no other case uses.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{name}{}", self.tag)
    }

    /// The ids of all brokers.
    pub(crate) fn brokers(&self) -> Vec<i32> {
        self.addresses.keys().copied().collect()
    }

    /// Takes a broker for dead, although it accepts connections: one that is cut off answers
    /// nothing, or what held before.
    pub(crate) fn avoid(&mut self, broker: Option<i32>) {
        self.avoided = broker;
    }

    /// A connection that only the caller uses.
    pub(crate) fn connect(&self, broker: i32) -> anyhow::Result<Connection> {
        ensure!(self.avoided != Some(broker), "broker {broker} is cut off");
        let address = self.addresses.get(&broker).with_context(|| format!("broker {broker}"))?;
        Connection::open(*address)
    }

    /// Asks a broker on the case's connection to it.
    pub(crate) fn ask<R: Request>(
        &mut self,
        broker: i32,
        version: i16,
        request: &R,
    ) -> anyhow::Result<R::Response> {
        ensure!(self.avoided != Some(broker), "broker {broker} is cut off");
        let mut connection = match self.connections.remove(&broker) {
            Some(connection) => connection,
            None => self.connect(broker)?,
        };
        let answer = connection.ask(version, request)?;
        self.connections.insert(broker, connection);
        Ok(answer)
    }

    /// Tries until there is a value; `what` is what is missing if there never is.
    pub(crate) fn until<T>(
        &mut self,
        what: &str,
        mut attempt: impl FnMut(&mut Self) -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        let start = now();
        loop {
            let outcome = attempt(self);
            match outcome {
                Ok(Some(value)) => return Ok(value),
                _ if start.elapsed() < PATIENCE => {}
                Ok(None) => bail!("{what}: not within {PATIENCE:?}"),
                Err(error) => return Err(error.context(what.to_owned())),
            }
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    /// A new topic with three replicas, ready at all its leaders.
    pub(crate) fn topic(&mut self, name: &str, partitions: i32) -> anyhow::Result<String> {
        self.topic_with(name, partitions, 3, &[])
    }

    /// A new topic with this many replicas and these settings, ready at all its leaders.
    pub(crate) fn topic_with(
        &mut self,
        name: &str,
        partitions: i32,
        replicas: i16,
        configs: &[(&str, &str)],
    ) -> anyhow::Result<String> {
        let again = if self.topics == 0 { String::new() } else { format!("-{}", self.topics) };
        self.topics += 1;
        let name = self.name(&format!("{name}{again}"));
        let configs = configs.iter().map(|(name, value)| {
            let config = CreatableTopicConfig::default().with_name(text(name));
            config.with_value(Some(text(value)))
        });
        let topic = CreatableTopic::default()
            .with_name(topic_name(&name))
            .with_num_partitions(partitions)
            .with_replication_factor(replicas)
            .with_configs(configs.collect());
        let request =
            CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(15_000);
        let broker = self.living()?;
        let answer = self.ask(broker, 7, &request)?;
        let code = answer.topics[0].error_code;
        ensure!(code == 0, "creating {name}: {} {:?}", error(code), answer.topics[0].error_message);
        for partition in 0..partitions {
            self.ready(&name, partition)?;
        }
        Ok(name)
    }

    /// Some broker that accepts connections.
    pub(crate) fn living(&mut self) -> anyhow::Result<i32> {
        let mut ids = self.brokers().into_iter();
        ids.find(|&id| self.connect(id).is_ok()).context("no broker accepts connections")
    }

    /// Waits until every living broker knows a partition's leader and the leader serves it.
    pub(crate) fn ready(&mut self, topic: &str, partition: i32) -> anyhow::Result<i32> {
        self.until(&format!("{topic} {partition} has a leader"), |context| {
            let mut leader = -1;
            for broker in context.brokers() {
                if context.connect(broker).is_ok() {
                    let state = context.partition_at(broker, topic, partition)?;
                    let same = leader == -1 || leader == state.leader_id.0;
                    if state.leader_id.0 == -1 || !same {
                        return Ok(None);
                    }
                    leader = state.leader_id.0;
                }
            }
            let code = context.list_offset(leader, topic, partition, -1)?.0;
            Ok((code == 0).then_some(leader))
        })
    }

    /// The broker that leads a partition now, by any living broker's metadata.
    pub(crate) fn leader(&mut self, topic: &str, partition: i32) -> anyhow::Result<i32> {
        Ok(self.partition(topic, partition)?.leader_id.0)
    }

    /// A broker that does not lead a partition.
    pub(crate) fn follower(&mut self, topic: &str, partition: i32) -> anyhow::Result<i32> {
        let leader = self.leader(topic, partition)?;
        self.brokers().into_iter().find(|&id| id != leader).context("only one broker")
    }

    /// What any living broker says of a partition.
    pub(crate) fn partition(
        &mut self,
        topic: &str,
        partition: i32,
    ) -> anyhow::Result<MetadataResponsePartition> {
        let broker = self.living()?;
        self.partition_at(broker, topic, partition)
    }

    /// What this broker says of a partition.
    pub(crate) fn partition_at(
        &mut self,
        broker: i32,
        topic: &str,
        partition: i32,
    ) -> anyhow::Result<MetadataResponsePartition> {
        let answer = self.metadata(broker, topic)?;
        let mut partitions = answer.topics.into_iter().flat_map(|topic| topic.partitions);
        let found = partitions.find(|found| found.partition_index == partition);
        found.with_context(|| format!("broker {broker} knows no {topic} {partition}"))
    }

    /// A broker's metadata of one topic.
    pub(crate) fn metadata(
        &mut self,
        broker: i32,
        topic: &str,
    ) -> anyhow::Result<MetadataResponse> {
        let asked = MetadataRequestTopic::default().with_name(Some(topic_name(topic)));
        let request = MetadataRequest::default().with_topics(Some(vec![asked]));
        self.ask(broker, 12, &request)
    }

    /// A topic's id.
    pub(crate) fn topic_id(&mut self, topic: &str) -> anyhow::Result<Uuid> {
        let broker = self.living()?;
        Ok(self.metadata(broker, topic)?.topics[0].topic_id)
    }

    /// Error code, timestamp and offset that a broker gives for a timestamp.
    pub(crate) fn list_offset(
        &mut self,
        broker: i32,
        topic: &str,
        partition: i32,
        timestamp: i64,
    ) -> anyhow::Result<(i16, i64, i64)> {
        let wanted = ListOffsetsPartition::default()
            .with_partition_index(partition)
            .with_current_leader_epoch(-1)
            .with_timestamp(timestamp);
        let topic =
            ListOffsetsTopic::default().with_name(topic_name(topic)).with_partitions(vec![wanted]);
        let request =
            ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(vec![topic]);
        let answer = self.ask(broker, 8, &request)?;
        let found = &answer.topics[0].partitions[0];
        Ok((found.error_code, found.timestamp, found.offset))
    }

    /// The broker that coordinates a group or a transactional id.
    pub(crate) fn coordinator(&mut self, kind: i8, key: &str) -> anyhow::Result<i32> {
        let request = FindCoordinatorRequest::default()
            .with_key_type(kind)
            .with_coordinator_keys(vec![text(key)]);
        self.until(&format!("{key} has a coordinator"), |context| {
            let broker = context.living()?;
            let answer = context.ask(broker, 4, &request)?;
            let found = &answer.coordinators[0];
            let alive = found.error_code == 0 && context.connect(found.node_id.0).is_ok();
            Ok(alive.then_some(found.node_id.0))
        })
    }

    /// Waits until every living broker says that all replicas of a partition are in sync, under
    /// one leader: a broker that was away may still say what held before.
    pub(crate) fn in_sync(&mut self, topic: &str, partition: i32) -> anyhow::Result<()> {
        self.until(&format!("{topic} {partition} in sync"), |context| {
            let mut epochs = BTreeSet::new();
            for broker in context.brokers() {
                if context.connect(broker).is_ok() {
                    let state = context.partition_at(broker, topic, partition)?;
                    if state.isr_nodes.len() < state.replica_nodes.len() {
                        return Ok(None);
                    }
                    epochs.insert(state.leader_epoch);
                }
            }
            Ok((epochs.len() == 1).then_some(()))
        })
    }
}
