//! The topics of a cluster.

use std::collections::BTreeMap;
use std::collections::HashMap;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::TopicName;
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::configs::TopicSettings;
use super::partition::Partition;
use crate::config::{PARTITIONS_MAX, PARTITIONS_PER_TOPIC_MAX};
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

impl Topic {
    /// Who was eligible to lead was so by another `min.insync.replicas`: nobody is any more.
    pub(crate) fn forget_eligible(&mut self) {
        for partition in &mut self.partitions {
            partition.registration.eligible.clear();
            partition.registration.last_known_leader = None;
        }
    }
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

    /// Adds partitions at the end of a topic, whose number has been checked.
    pub(crate) fn grow(&mut self, index: TopicIndex, partitions: Vec<Partition>) {
        if let Some(topic) = self.topics.get_mut(&index) {
            self.partitions += partitions.len();
            topic.partitions.extend(partitions);
        }
    }

    /// Checks that a new topic's name is free, also as part of a metric's name, where `.` and `_`
    /// are the same.
    pub(crate) fn check_free(&self, name: &str) -> Result<(), (ResponseError, String)> {
        if self.index(name).is_some() {
            let message = format!("Topic '{name}' already exists.");
            return Err((ResponseError::TopicAlreadyExists, message));
        }
        if !name.contains(['.', '_']) {
            return Ok(());
        }
        let unified = |name: &str| name.replace('.', "_");
        let wanted = unified(name);
        match self.iter().find(|(_, topic)| unified(&topic.name) == wanted) {
            Some((_, other)) => {
                let other = &*other.name;
                let message = format!("Topic '{name}' collides with existing topic: {other}");
                Err((ResponseError::InvalidTopicException, message))
            }
            None => Ok(()),
        }
    }

    /// Checks the partitions that a topic shall have in all, and that so many more have room.
    pub(crate) fn check_room(&self, all: i32, more: i32) -> Result<(), (ResponseError, String)> {
        if !(1..=PARTITIONS_PER_TOPIC_MAX).contains(&all) {
            let message = format!("Number of partitions must be 1 to {PARTITIONS_PER_TOPIC_MAX}.");
            return Err((ResponseError::InvalidPartitions, message));
        }
        if self.partitions + usize::try_from(more).unwrap_or(0) > PARTITIONS_MAX {
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
