//! Requests and answers that list partitions by topic, of which only some can be served.

use std::collections::BTreeMap;

use kafka_protocol::messages::TopicName;
use kafka_protocol::messages::offset_commit_request as commit;
use kafka_protocol::messages::offset_commit_response as committed;
use kafka_protocol::messages::offset_delete_request as delete;
use kafka_protocol::messages::offset_delete_response as deleted;
use kafka_protocol::messages::txn_offset_commit_request as commit_in_transaction;
use kafka_protocol::messages::txn_offset_commit_response as committed_in_transaction;

/// A topic with the partitions that a request or an answer speaks of.
pub(super) trait ByTopic: Clone {
    type Partition;

    fn name(&self) -> &TopicName;

    fn partitions(&mut self) -> &mut Vec<Self::Partition>;
}

/// Takes the partitions that do not exist out of a request. Topics may be left without any.
pub(super) fn take_unknown<T: ByTopic>(
    topics: &mut [T],
    exists: impl Fn(&TopicName, &T::Partition) -> bool,
) -> Vec<T> {
    let mut unknown = Vec::new();
    for topic in topics {
        let name = topic.name().clone();
        let absent = |partition: &mut T::Partition| !exists(&name, partition);
        let absent: Vec<_> = topic.partitions().extract_if(.., absent).collect();
        if !absent.is_empty() {
            let mut topic = topic.clone();
            *topic.partitions() = absent;
            unknown.push(topic);
        }
    }
    unknown
}

/// The refused partitions and then the answered ones, topic by topic.
pub(super) fn merged<T: ByTopic>(refused: Vec<T>, answered: Vec<T>) -> Vec<T> {
    if refused.is_empty() {
        return answered;
    }
    let mut topics: Vec<T> = Vec::with_capacity(refused.len() + answered.len());
    let mut places: BTreeMap<TopicName, usize> = BTreeMap::new();
    for mut topic in refused.into_iter().chain(answered) {
        let place = *places.entry(topic.name().clone()).or_insert(topics.len());
        match topics.get_mut(place) {
            Some(known) => known.partitions().append(topic.partitions()),
            None => topics.push(topic),
        }
    }
    topics
}

macro_rules! by_topic {
    ($($topic:ty: $partition:ty),* $(,)?) => {$(
        impl ByTopic for $topic {
            type Partition = $partition;

            fn name(&self) -> &TopicName {
                &self.name
            }

            fn partitions(&mut self) -> &mut Vec<$partition> {
                &mut self.partitions
            }
        }
    )*};
}

by_topic! {
    commit::OffsetCommitRequestTopic: commit::OffsetCommitRequestPartition,
    committed::OffsetCommitResponseTopic: committed::OffsetCommitResponsePartition,
    delete::OffsetDeleteRequestTopic: delete::OffsetDeleteRequestPartition,
    deleted::OffsetDeleteResponseTopic: deleted::OffsetDeleteResponsePartition,
    commit_in_transaction::TxnOffsetCommitRequestTopic:
        commit_in_transaction::TxnOffsetCommitRequestPartition,
    committed_in_transaction::TxnOffsetCommitResponseTopic:
        committed_in_transaction::TxnOffsetCommitResponsePartition,
}
