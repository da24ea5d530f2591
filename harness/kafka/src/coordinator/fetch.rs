//! OffsetFetch in its two forms: one group (versions 1–7) and several (from version 8).

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{OffsetFetchRequest, OffsetFetchResponse, TopicName};
use kafka_protocol::protocol::StrBytes;

use super::group::Group;
use super::offsets::{CommittedOffset, Offsets};

/// The first version that names several groups.
const VERSION_BATCH: i16 = 8;

/// Reads offsets. A group or partition without a committed offset answers −1, not an error.
pub(super) fn fetch(
    groups: &BTreeMap<StrBytes, Group>,
    version: i16,
    request: OffsetFetchRequest,
) -> OffsetFetchResponse {
    let stable = request.require_stable;
    if version >= VERSION_BATCH {
        // Naming a group twice gets one answer: a small request must not ask for a huge response.
        let mut seen = BTreeSet::new();
        let answers = request
            .groups
            .iter()
            .filter(|group| seen.insert(group.group_id.clone()))
            .map(|group| fetch_group(groups, group, stable));
        return OffsetFetchResponse::default().with_groups(answers.collect());
    }
    let topics = request.topics.map(|topics| {
        let widen =
            |topic: kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic| {
                OffsetFetchRequestTopics::default()
                    .with_name(topic.name)
                    .with_partition_indexes(topic.partition_indexes)
            };
        topics.into_iter().map(widen).collect()
    });
    let group =
        OffsetFetchRequestGroup::default().with_group_id(request.group_id).with_topics(topics);
    let answer = fetch_group(groups, &group, stable);
    OffsetFetchResponse::default().with_topics(answer.topics.into_iter().map(narrow).collect())
}

fn fetch_group(
    groups: &BTreeMap<StrBytes, Group>,
    request: &OffsetFetchRequestGroup,
    stable: bool,
) -> OffsetFetchResponseGroup {
    let group = groups.get(&request.group_id.0);
    if let Some(consumer) = group.and_then(|group| group.consumer.as_ref())
        && let Err(error) =
            consumer.validate_fetch(request.member_id.as_ref(), request.member_epoch)
    {
        return OffsetFetchResponseGroup::default()
            .with_group_id(request.group_id.clone())
            .with_error_code(error.code());
    }
    let offsets = group.map(|group| &group.offsets);
    let topics = match &request.topics {
        Some(topics) => topics.iter().map(|topic| fetch_topic(offsets, topic, stable)).collect(),
        None => offsets.map(|offsets| fetch_all(offsets, stable)).unwrap_or_default(),
    };
    OffsetFetchResponseGroup::default().with_group_id(request.group_id.clone()).with_topics(topics)
}

fn fetch_topic(
    offsets: Option<&Offsets>,
    request: &OffsetFetchRequestTopics,
    stable: bool,
) -> OffsetFetchResponseTopics {
    let committed = offsets.and_then(|offsets| offsets.topic(&request.name));
    let unstable = |index| {
        stable && offsets.is_some_and(|offsets| offsets.pending.holds(&request.name, index))
    };
    let partitions = request.partition_indexes.iter().map(|&index| match unstable(index) {
        true => unstable_offset(index),
        false => describe(index, committed.and_then(|committed| committed.get(&index))),
    });
    OffsetFetchResponseTopics::default()
        .with_name(request.name.clone())
        .with_partitions(partitions.collect())
}

fn fetch_all(offsets: &Offsets, stable: bool) -> Vec<OffsetFetchResponseTopics> {
    let describe_topic = |(name, committed): (&StrBytes, &BTreeMap<i32, CommittedOffset>)| {
        let unstable = |index| stable && offsets.pending.holds(name, index);
        let partitions = committed.iter().map(|(&index, offset)| match unstable(index) {
            true => unstable_offset(index),
            false => describe(index, Some(offset)),
        });
        OffsetFetchResponseTopics::default()
            .with_name(TopicName(name.clone()))
            .with_partitions(partitions.collect())
    };
    offsets.topics().iter().map(describe_topic).collect()
}

fn describe(index: i32, committed: Option<&CommittedOffset>) -> OffsetFetchResponsePartitions {
    let answer = OffsetFetchResponsePartitions::default().with_partition_index(index);
    match committed {
        Some(committed) => answer
            .with_committed_offset(committed.offset)
            .with_committed_leader_epoch(committed.leader_epoch)
            .with_metadata(Some(committed.metadata.clone())),
        None => answer
            .with_committed_offset(-1)
            .with_committed_leader_epoch(-1)
            .with_metadata(Some(StrBytes::new())),
    }
}

/// A transaction is about to commit another offset, or not to (KIP-447).
fn unstable_offset(index: i32) -> OffsetFetchResponsePartitions {
    describe(index, None).with_error_code(ResponseError::UnstableOffsetCommit.code())
}

fn narrow(topic: OffsetFetchResponseTopics) -> OffsetFetchResponseTopic {
    let narrow_partition = |partition: OffsetFetchResponsePartitions| {
        OffsetFetchResponsePartition::default()
            .with_partition_index(partition.partition_index)
            .with_committed_offset(partition.committed_offset)
            .with_committed_leader_epoch(partition.committed_leader_epoch)
            .with_metadata(partition.metadata)
            .with_error_code(partition.error_code)
    };
    OffsetFetchResponseTopic::default()
        .with_name(topic.name)
        .with_partitions(topic.partitions.into_iter().map(narrow_partition).collect())
}
