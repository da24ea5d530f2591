//! The topics of a cluster and their settings.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::TopicName;
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::partition::Partition;
use crate::config::{ClusterConfig, PARTITIONS_MAX, PARTITIONS_PER_TOPIC_MAX};
use crate::coordinator::CatalogVersion;

/// The longest topic name, as in Kafka.
const NAME_BYTES_MAX: usize = 249;

/// A topic's place in the cluster, never used again after its deletion.
pub(crate) type TopicIndex = u32;

/// A topic and its partitions.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) name: TopicName,
    pub(crate) id: Uuid,
    pub(crate) partitions: Vec<Partition>,
    pub(crate) settings: TopicSettings,
}

/// What may be set for each topic, in Kafka's names `retention.bytes` and so on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicSettings {
    pub(crate) retention_bytes: u64,
    pub(crate) retention: Duration,
    pub(crate) min_insync_replicas: usize,
    pub(crate) message_bytes_max: usize,
    pub(crate) unclean_election: bool,
    /// The names that the topic's creator has set.
    pub(crate) own: Vec<&'static str>,
}

/// All topics, by index, name and id.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    topics: BTreeMap<TopicIndex, Topic>,
    names: HashMap<StrBytes, TopicIndex>,
    ids: HashMap<Uuid, TopicIndex>,
    next: TopicIndex,
    partitions: usize,
}

impl Topics {
    /// Another value whenever topics or partitions have been added or removed.
    pub(crate) fn version(&self) -> CatalogVersion {
        CatalogVersion {
            created: u64::from(self.next),
            topics: self.topics.len(),
            partitions: self.partitions,
        }
    }

    pub(crate) fn index(&self, name: &str) -> Option<TopicIndex> {
        self.names.get(name.as_bytes()).copied()
    }

    pub(crate) fn index_of_id(&self, id: &Uuid) -> Option<TopicIndex> {
        self.ids.get(id).copied()
    }

    pub(crate) fn get(&self, index: TopicIndex) -> Option<&Topic> {
        self.topics.get(&index)
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Topic> {
        self.get(self.index(name)?)
    }

    pub(crate) fn get_mut(&mut self, index: TopicIndex) -> Option<&mut Topic> {
        self.topics.get_mut(&index)
    }

    pub(crate) fn partition_mut(
        &mut self,
        index: TopicIndex,
        partition: i32,
    ) -> Option<&mut Partition> {
        let position = usize::try_from(partition).ok()?;
        self.topics.get_mut(&index)?.partitions.get_mut(position)
    }

    /// All topics in the order of their creation.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (TopicIndex, &Topic)> {
        self.topics.iter().map(|(&index, topic)| (index, topic))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (TopicIndex, &mut Topic)> {
        self.topics.iter_mut().map(|(&index, topic)| (index, topic))
    }

    /// All partitions, topic by topic.
    pub(crate) fn keys(&self) -> Vec<(TopicIndex, i32)> {
        let counts = self.iter().map(|(index, topic)| (index, topic.partitions.len() as i32));
        counts.flat_map(|(index, count)| (0..count).map(move |part| (index, part))).collect()
    }

    /// Adds a topic whose name and partitions have been checked.
    pub(crate) fn add(&mut self, topic: Topic) -> TopicIndex {
        let index = self.next;
        self.next += 1;
        self.partitions += topic.partitions.len();
        self.names.insert(topic.name.0.clone(), index);
        self.ids.insert(topic.id, index);
        self.topics.insert(index, topic);
        index
    }

    pub(crate) fn remove(&mut self, index: TopicIndex) -> Option<Topic> {
        let topic = self.topics.remove(&index)?;
        self.names.remove(&topic.name.0);
        self.ids.remove(&topic.id);
        self.partitions -= topic.partitions.len();
        Some(topic)
    }

    /// Checks a new topic's name and number of partitions.
    pub(crate) fn check_new(
        &self,
        name: &str,
        partitions: i32,
    ) -> Result<(), (ResponseError, String)> {
        check_name(name)?;
        if self.index(name).is_some() {
            let message = format!("Topic '{name}' already exists.");
            return Err((ResponseError::TopicAlreadyExists, message));
        }
        if !(1..=PARTITIONS_PER_TOPIC_MAX).contains(&partitions) {
            let message = format!("Number of partitions must be 1 to {PARTITIONS_PER_TOPIC_MAX}.");
            return Err((ResponseError::InvalidPartitions, message));
        }
        if self.partitions + partitions as usize > PARTITIONS_MAX {
            let message = format!("The cluster has room for {PARTITIONS_MAX} partitions.");
            return Err((ResponseError::PolicyViolation, message));
        }
        Ok(())
    }
}

/// Kafka's rules for topic names.
pub(crate) fn check_name(name: &str) -> Result<(), (ResponseError, String)> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    let valid = !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name != "."
        && name != ".."
        && name.bytes().all(legal);
    if valid {
        return Ok(());
    }
    let message = format!("Topic name is invalid: 1 to {NAME_BYTES_MAX} of [a-zA-Z0-9._-].");
    Err((ResponseError::InvalidTopicException, message))
}

impl TopicSettings {
    pub(crate) fn new(config: &ClusterConfig) -> Self {
        Self {
            retention_bytes: config.retention_bytes,
            retention: config.retention,
            min_insync_replicas: config.min_insync_replicas,
            message_bytes_max: config.message_bytes_max,
            unclean_election: config.unclean_election,
            own: Vec::new(),
        }
    }

    /// Sets one of Kafka's topic settings. Names that are not offered are refused, so that nobody
    /// believes in a setting without effect.
    pub(crate) fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), String> {
        let value =
            value.ok_or_else(|| format!("Null value not supported for topic config {name}."))?;
        let invalid = || format!("Invalid value {value} for configuration {name}.");
        let known = match name {
            "retention.bytes" => {
                let bytes: i64 = value.parse().map_err(|_| invalid())?;
                self.retention_bytes = u64::try_from(bytes).unwrap_or(self.retention_bytes);
                "retention.bytes"
            }
            "retention.ms" => {
                let milliseconds: i64 = value.parse().map_err(|_| invalid())?;
                let kept = u64::try_from(milliseconds).unwrap_or(u64::from(u32::MAX) * 1_000);
                self.retention = Duration::from_millis(kept);
                "retention.ms"
            }
            "min.insync.replicas" => {
                let replicas: usize = value.parse().map_err(|_| invalid())?;
                self.min_insync_replicas = replicas.max(1);
                "min.insync.replicas"
            }
            "max.message.bytes" => {
                let bytes: usize = value.parse().map_err(|_| invalid())?;
                if bytes > self.message_bytes_max {
                    return Err(format!("{name} is at most {} here.", self.message_bytes_max));
                }
                self.message_bytes_max = bytes;
                "max.message.bytes"
            }
            "unclean.leader.election.enable" => {
                self.unclean_election = value.parse().map_err(|_| invalid())?;
                "unclean.leader.election.enable"
            }
            "cleanup.policy" if value == "delete" => "cleanup.policy",
            "message.timestamp.type" if value == "CreateTime" => "message.timestamp.type",
            "compression.type" if value == "producer" => "compression.type",
            "cleanup.policy" | "message.timestamp.type" | "compression.type" => {
                return Err(format!("{value} is not offered for {name}."));
            }
            _ => return Err(format!("Unknown topic config name: {name}")),
        };
        if !self.own.contains(&known) {
            self.own.push(known);
        }
        Ok(())
    }

    /// Kafka's names and these settings' values.
    pub(crate) fn list(&self) -> Vec<(&'static str, String)> {
        vec![
            ("cleanup.policy", "delete".into()),
            ("compression.type", "producer".into()),
            ("max.message.bytes", self.message_bytes_max.to_string()),
            ("message.timestamp.type", "CreateTime".into()),
            ("min.insync.replicas", self.min_insync_replicas.to_string()),
            ("retention.bytes", self.retention_bytes.to_string()),
            ("retention.ms", self.retention.as_millis().to_string()),
            ("unclean.leader.election.enable", self.unclean_election.to_string()),
        ]
    }
}
