//! What a broker knows of the cluster's metadata: all that is recorded, or, while it is cut off
//! from the controller, what was recorded when that began.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::Cluster;
use super::partition::Partition;
use super::partition::registration::Registration;
use super::topics::Topic;

/// The metadata as it was at one time. Topics deleted since are gone here too.
#[derive(Debug)]
pub(crate) struct Snapshot {
    topics: BTreeMap<Uuid, Vec<Registration>>,
    brokers: Vec<i32>,
}

impl Cluster {
    /// The metadata as it is now.
    pub(super) fn snapshot(&self) -> Snapshot {
        let records = |topic: &Topic| {
            let partitions = topic.partitions.iter();
            partitions.map(|partition| partition.registration.clone()).collect()
        };
        Snapshot {
            topics: self.topics.iter().map(|(_, topic)| (topic.id, records(topic))).collect(),
            brokers: self.known_brokers().map(|(id, _)| id).collect(),
        }
    }

    /// The record of a partition that `broker` knows; `None` if it has not heard of it.
    pub(super) fn record_seen<'a>(
        &'a self,
        broker: i32,
        topic: Uuid,
        index: i32,
        partition: &'a Partition,
    ) -> Option<&'a Registration> {
        match self.brokers.get(&broker).and_then(|broker| broker.stale.as_ref()) {
            None => Some(&partition.registration),
            Some(stale) => stale.topics.get(&topic)?.get(usize::try_from(index).ok()?),
        }
    }

    /// Whether `broker` has heard of a topic.
    pub(super) fn topic_seen(&self, broker: i32, topic: Uuid) -> bool {
        let stale = self.brokers.get(&broker).and_then(|broker| broker.stale.as_ref());
        stale.is_none_or(|stale| stale.topics.contains_key(&topic))
    }

    /// The brokers that `broker` takes for running, by id.
    pub(super) fn brokers_seen(&self, broker: i32) -> Vec<i32> {
        match self.brokers.get(&broker).and_then(|broker| broker.stale.as_ref()) {
            None => self.known_brokers().map(|(id, _)| id).collect(),
            Some(stale) => stale.brokers.clone(),
        }
    }
}
