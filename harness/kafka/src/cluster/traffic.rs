//! What goes through the brokers, counted for each topic.

use std::collections::BTreeMap;

use super::topics::TopicIndex;
use super::{Cluster, Origin, PartitionKey};
use crate::log::Batch;
use crate::wire::FetchAnswer;

/// Records and bytes that clients gave to a broker and took from it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub(crate) messages_in: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
}

/// The counters of each topic at each broker, and of each broker over all topics, those that are
/// deleted too. Kafka forgets the counters of a deleted topic in the same way.
#[derive(Debug, Default)]
pub(super) struct TrafficMeter {
    topics: BTreeMap<(TopicIndex, i32), Traffic>,
    brokers: BTreeMap<i32, Traffic>,
    in_sync_sets: BTreeMap<i32, InSyncChanges>,
}

/// How often the in-sync sets of a leader became larger and smaller at its own request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct InSyncChanges {
    pub(crate) expands: u64,
    pub(crate) shrinks: u64,
}

/// Records and bytes of some batches.
pub(super) fn measure(batches: &[Batch]) -> Traffic {
    let records = |batch: &Batch| batch.last_offset_delta.max(0) as u64 + 1;
    Traffic {
        messages_in: batches.iter().map(records).sum(),
        bytes_in: batches.iter().map(|batch| batch.len() as u64).sum(),
        bytes_out: 0,
    }
}

impl TrafficMeter {
    fn add(&mut self, topic: TopicIndex, broker: i32, more: Traffic) {
        let of_topic = self.topics.entry((topic, broker)).or_default();
        for sum in [of_topic, self.brokers.entry(broker).or_default()] {
            sum.messages_in += more.messages_in;
            sum.bytes_in += more.bytes_in;
            sum.bytes_out += more.bytes_out;
        }
    }

    fn take_back(&mut self, topic: TopicIndex, broker: i32, bytes_out: u64) {
        let of_topic = self.topics.get_mut(&(topic, broker));
        for sum in of_topic.into_iter().chain(self.brokers.get_mut(&broker)) {
            sum.bytes_out = sum.bytes_out.saturating_sub(bytes_out);
        }
    }

    /// The controller has granted what a leader asked for.
    pub(super) fn in_sync_set_changed(&mut self, leader: i32, grows: bool) {
        let changes = self.in_sync_sets.entry(leader).or_default();
        match grows {
            true => changes.expands += 1,
            false => changes.shrinks += 1,
        }
    }

    pub(super) fn in_sync_changes(&self, leader: i32) -> InSyncChanges {
        self.in_sync_sets.get(&leader).copied().unwrap_or_default()
    }

    /// All that went through a broker.
    pub(super) fn of_broker(&self, broker: i32) -> Traffic {
        self.brokers.get(&broker).copied().unwrap_or_default()
    }

    /// What went through the brokers for each topic.
    pub(super) fn by_topic(&self) -> impl Iterator<Item = (TopicIndex, i32, Traffic)> {
        self.topics.iter().map(|(&(topic, broker), &traffic)| (topic, broker, traffic))
    }

    /// The topic is deleted.
    pub(super) fn forget(&mut self, topic: TopicIndex) {
        let brokers: Vec<i32> = self.brokers.keys().copied().collect();
        for broker in brokers {
            self.topics.remove(&(topic, broker));
        }
    }
}

impl Cluster {
    /// A broker has appended.
    pub(super) fn count_in(&mut self, broker: i32, key: PartitionKey, appended: Traffic) {
        self.traffic.add(key.0, broker, appended);
    }

    /// A Fetch is about to be answered.
    pub(super) fn count_out(&mut self, origin: &Origin, answer: &FetchAnswer) {
        self.each_topic(origin.version, answer, |meter, topic, bytes_out| {
            meter.add(topic, origin.broker, Traffic { bytes_out, ..Traffic::default() });
        });
    }

    /// A Fetch that was counted is answered empty after all.
    pub(crate) fn uncount_out(&mut self, broker: i32, version: i16, answer: &FetchAnswer) {
        self.each_topic(version, answer, |meter, topic, bytes_out| {
            meter.take_back(topic, broker, bytes_out);
        });
    }

    fn each_topic(
        &mut self,
        version: i16,
        answer: &FetchAnswer,
        count: impl Fn(&mut TrafficMeter, TopicIndex, u64),
    ) {
        for topic in &answer.topics {
            let bytes_out = topic.bytes() as u64;
            let index = match version {
                13.. => self.topics.index_of_id(&topic.id),
                _ => self.topics.index(&topic.name),
            };
            if let Some(index) = index.filter(|_| bytes_out > 0) {
                count(&mut self.traffic, index, bytes_out);
            }
        }
    }
}
