//! OffsetCommit and OffsetFetch: how far a group has come.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::offset_commit_request::OffsetCommitRequestPartition;
use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse, TopicName};
use kafka_protocol::protocol::StrBytes;

use super::context::{Context, detached};
use super::group::Group;
use super::pending::Pending;
use super::{GroupConfig, GroupState};

/// An offset with what was committed beside it.
#[derive(Debug, Clone)]
pub(super) struct CommittedOffset {
    pub(super) offset: i64,
    pub(super) leader_epoch: i32,
    pub(super) metadata: StrBytes,
    /// When it was committed.
    pub(super) at: Duration,
    /// Where the commit stands among all of the group, pending ones among them.
    order: u64,
}

/// The committed offsets of a group by topic and partition.
#[derive(Debug, Default)]
pub(super) struct Offsets {
    topics: BTreeMap<StrBytes, BTreeMap<i32, CommittedOffset>>,
    count: usize,
    pub(super) pending: Pending,
    next_order: u64,
}

impl Offsets {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0 && self.pending.is_empty()
    }

    pub(super) fn topic(&self, topic: &str) -> Option<&BTreeMap<i32, CommittedOffset>> {
        self.topics.get(topic.as_bytes())
    }

    pub(super) fn topics(&self) -> &BTreeMap<StrBytes, BTreeMap<i32, CommittedOffset>> {
        &self.topics
    }

    /// Drops the offsets for which `keep` is false.
    pub(super) fn retain(
        &mut self,
        mut keep: impl FnMut(&StrBytes, i32, &CommittedOffset) -> bool,
    ) {
        self.topics.retain(|topic, offsets| {
            offsets.retain(|index, committed| keep(topic, *index, committed));
            !offsets.is_empty()
        });
        self.count = self.topics.values().map(BTreeMap::len).sum();
    }

    /// Drops all of a topic's offsets, those pending too.
    pub(super) fn forget(&mut self, gone: &BTreeSet<StrBytes>) {
        self.retain(|topic, _, _| !gone.contains(topic));
        self.pending.retain(|topic, _| !gone.contains(topic));
    }

    /// Drops the offsets of these partitions of a topic.
    pub(super) fn remove(&mut self, topic: &StrBytes, partitions: &BTreeSet<i32>) {
        self.pending.retain(|known, index| known != topic || !partitions.contains(&index));
        let Some(offsets) = self.topics.get_mut(topic) else { return };
        let before = offsets.len();
        offsets.retain(|index, _| !partitions.contains(index));
        self.count -= before - offsets.len();
        if offsets.is_empty() {
            self.topics.remove(topic);
        }
    }

    fn commit(
        &mut self,
        now: Duration,
        config: &GroupConfig,
        topic: &TopicName,
        partition: &OffsetCommitRequestPartition,
    ) -> Result<(), ResponseError> {
        let committed = self.accept(now, config, topic, partition)?;
        self.put(topic, partition.partition_index, committed);
        Ok(())
    }

    /// Keeps an offset until the transaction of `producer_id` ends.
    pub(super) fn commit_pending(
        &mut self,
        now: Duration,
        config: &GroupConfig,
        producer_id: i64,
        topic: &StrBytes,
        partition: &OffsetCommitRequestPartition,
    ) -> Result<(), ResponseError> {
        let pending = self.accept(now, config, topic, partition)?;
        self.pending.insert(producer_id, topic, partition.partition_index, pending);
        Ok(())
    }

    /// The transaction of `producer_id` has ended. Of several commits the latest counts, whether
    /// it was in a transaction or not.
    pub(super) fn end_pending(&mut self, producer_id: i64, commit: bool) {
        let ended = self.pending.take(producer_id);
        for ((topic, partition), offset) in ended.into_iter().filter(|_| commit) {
            let known = self.topic(&topic).and_then(|offsets| offsets.get(&partition));
            if known.is_none_or(|known| known.order < offset.order) {
                self.put(&topic, partition, offset);
            }
        }
    }

    /// An offset that is to be committed, if it may be.
    fn accept(
        &mut self,
        now: Duration,
        config: &GroupConfig,
        topic: &StrBytes,
        partition: &OffsetCommitRequestPartition,
    ) -> Result<CommittedOffset, ResponseError> {
        if topic.is_empty() || topic.len() > config.name_bytes_max {
            return Err(ResponseError::InvalidTopicException);
        }
        let metadata = partition.committed_metadata.as_ref();
        if metadata.is_some_and(|metadata| metadata.len() > config.offset_metadata_bytes_max) {
            return Err(ResponseError::OffsetMetadataTooLarge);
        }
        let index = partition.partition_index;
        let known = self.topic(topic).is_some_and(|offsets| offsets.contains_key(&index));
        if !known && self.count + self.pending.len() >= config.offsets_max {
            return Err(ResponseError::InvalidCommitOffsetSize);
        }
        self.next_order += 1;
        Ok(CommittedOffset {
            offset: partition.committed_offset,
            leader_epoch: partition.committed_leader_epoch,
            metadata: metadata.map(detached).unwrap_or_default(),
            at: now,
            order: self.next_order,
        })
    }

    fn put(&mut self, topic: &StrBytes, partition: i32, committed: CommittedOffset) {
        if !self.topics.contains_key(topic) {
            self.topics.insert(detached(topic), BTreeMap::new());
        }
        if let Some(offsets) = self.topics.get_mut(topic) {
            let known = offsets.insert(partition, committed).is_some();
            self.count += usize::from(!known);
        }
    }
}

/// Why a commit for a generation of an unknown group is refused. Clients before version 9 do not
/// expect an answer that speaks of groups.
pub(super) fn missing_group(version: i16) -> ResponseError {
    if version >= 9 { ResponseError::GroupIdNotFound } else { ResponseError::IllegalGeneration }
}

impl Group {
    pub(super) fn commit(
        &mut self,
        cx: &Context<'_>,
        version: i16,
        request: &OffsetCommitRequest,
    ) -> OffsetCommitResponse {
        if let Err(error) = self.validate_commit(version, request) {
            return commit_response(request, |_, _| Err(error));
        }
        if matches!(self.state, GroupState::Stable | GroupState::PreparingRebalance)
            && let Some(member) = self.members.get_mut(&request.member_id)
        {
            member.keep_alive(cx.now);
        }
        commit_response(request, |topic, partition| {
            self.offsets.commit(cx.now, cx.config, topic, partition)
        })
    }

    fn validate_commit(
        &self,
        version: i16,
        request: &OffsetCommitRequest,
    ) -> Result<(), ResponseError> {
        let generation = request.generation_id_or_member_epoch;
        if let Some(consumer) = &self.consumer {
            return consumer.validate_commit(version, &request.member_id, generation);
        }
        let instance = request.group_instance_id.as_ref();
        if generation < 0 && self.state == GroupState::Empty {
            // The group only keeps its offsets here; its members assign themselves.
            return Ok(());
        }
        if generation < 0 && request.member_id.is_empty() && instance.is_none() {
            return Err(ResponseError::UnknownMemberId);
        }
        self.validate_member(&request.member_id, instance)?;
        if generation != self.generation {
            return Err(ResponseError::IllegalGeneration);
        }
        // A commit while members rejoin is still of this generation; after the barrier it is not
        // clear any more who owns the partition.
        if self.state == GroupState::CompletingRebalance {
            return Err(ResponseError::RebalanceInProgress);
        }
        Ok(())
    }
}

/// An answer with the outcome for each partition.
pub(super) fn commit_response(
    request: &OffsetCommitRequest,
    mut outcome: impl FnMut(&TopicName, &OffsetCommitRequestPartition) -> Result<(), ResponseError>,
) -> OffsetCommitResponse {
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in &request.topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for partition in &topic.partitions {
            let code = outcome(&topic.name, partition).err().map_or(0, |error| error.code());
            partitions.push(
                OffsetCommitResponsePartition::default()
                    .with_partition_index(partition.partition_index)
                    .with_error_code(code),
            );
        }
        topics.push(
            OffsetCommitResponseTopic::default()
                .with_name(topic.name.clone())
                .with_partitions(partitions),
        );
    }
    OffsetCommitResponse::default().with_topics(topics)
}
