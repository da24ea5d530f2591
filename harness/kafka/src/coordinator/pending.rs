//! Offsets that a transaction commits: pending until its marker, invisible until then (KIP-98),
//! and fenced by the group's generation (KIP-447).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::offset_commit_request::OffsetCommitRequestPartition;
use kafka_protocol::messages::txn_offset_commit_request::TxnOffsetCommitRequestTopic;
use kafka_protocol::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use kafka_protocol::messages::{TxnOffsetCommitRequest, TxnOffsetCommitResponse};
use kafka_protocol::protocol::StrBytes;

use super::context::detached;
use super::group::Group;
use super::offsets::CommittedOffset;
use super::{Coordinator, GroupState};

/// The pending offsets of a group by producer, topic and partition.
#[derive(Debug, Default)]
pub(super) struct Pending {
    producers: BTreeMap<i64, BTreeMap<(StrBytes, i32), CommittedOffset>>,
    count: usize,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many offsets are pending.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// Whether a transaction is about to commit an offset of the partition.
    pub(super) fn holds(&self, topic: &StrBytes, partition: i32) -> bool {
        !self.is_empty() && {
            let key = (topic.clone(), partition);
            self.producers.values().any(|offsets| offsets.contains_key(&key))
        }
    }

    /// The partitions with pending offsets.
    pub(super) fn partitions(&self) -> BTreeSet<(StrBytes, i32)> {
        self.producers.values().flat_map(BTreeMap::keys).cloned().collect()
    }

    /// Drops the offsets for which `keep` is false.
    pub(super) fn retain(&mut self, keep: impl Fn(&StrBytes, i32) -> bool) {
        if self.is_empty() {
            return;
        }
        for offsets in self.producers.values_mut() {
            offsets.retain(|(topic, index), _| keep(topic, *index));
        }
        self.producers.retain(|_, offsets| !offsets.is_empty());
        self.count = self.producers.values().map(BTreeMap::len).sum();
    }

    pub(super) fn insert(
        &mut self,
        producer_id: i64,
        topic: &StrBytes,
        partition: i32,
        offset: CommittedOffset,
    ) {
        let offsets = self.producers.entry(producer_id).or_default();
        let known = offsets.insert((detached(topic), partition), offset).is_some();
        self.count += usize::from(!known);
    }

    /// The offsets of a producer whose transaction has ended.
    pub(super) fn take(&mut self, producer_id: i64) -> BTreeMap<(StrBytes, i32), CommittedOffset> {
        let taken = self.producers.remove(&producer_id).unwrap_or_default();
        self.count -= taken.len();
        taken
    }
}

impl Coordinator {
    /// Keeps the offsets until the producer's transaction ends. That it is in a transaction with
    /// this group, and that the partitions exist, is for the caller to check.
    pub(crate) fn commit_in_transaction(
        &mut self,
        now: Duration,
        request: &TxnOffsetCommitRequest,
    ) -> TxnOffsetCommitResponse {
        let id = &request.group_id.0;
        let founded = match (self.groups.contains_key(id), request.generation_id) {
            (true, _) => Ok(()),
            (false, ..0) => self.ensure_group(id),
            (false, _) => Err(ResponseError::IllegalGeneration),
        };
        let config = &self.config;
        let group = founded.and_then(|()| {
            let group = self.groups.get_mut(id).ok_or(ResponseError::IllegalGeneration)?;
            group.validate_transactional(request).map(|()| group)
        });
        let group = match group {
            Ok(group) => group,
            Err(error) => return transactional_refusal(&request.topics, error),
        };
        let producer_id = request.producer_id.0;
        let response = answer(&request.topics, |topic, partition| {
            group.offsets.commit_pending(now, config, producer_id, topic, partition)
        });
        self.transactional.entry(producer_id).or_default().insert(detached(id));
        response
    }

    /// The transaction of a producer has ended: in the groups that `concerned` names, its pending
    /// offsets are committed or dropped.
    pub(crate) fn end_transaction(
        &mut self,
        producer_id: i64,
        commit: bool,
        concerned: impl Fn(&str) -> bool,
    ) {
        let Some(groups) = self.transactional.remove(&producer_id) else { return };
        let (ended, left): (BTreeSet<_>, BTreeSet<_>) =
            groups.into_iter().partition(|id| concerned(id));
        for id in ended {
            if let Some(group) = self.groups.get_mut(&id) {
                group.offsets.end_pending(producer_id, commit);
            }
        }
        if !left.is_empty() {
            self.transactional.insert(producer_id, left);
        }
    }
}

impl Group {
    /// Clients that know no generation are believed; the others must be members of this one.
    fn validate_transactional(
        &self,
        request: &TxnOffsetCommitRequest,
    ) -> Result<(), ResponseError> {
        let (member, instance) = (&request.member_id, request.group_instance_id.as_ref());
        let anonymous = member.is_empty() && instance.is_none();
        if let Some(consumer) = &self.consumer {
            let valid = match anonymous && request.generation_id == -1 {
                true => Ok(()),
                false => consumer.validate_commit(i16::MAX, member, request.generation_id),
            };
            return valid.map_err(|error| match error {
                ResponseError::StaleMemberEpoch => ResponseError::IllegalGeneration,
                other => other,
            });
        }
        if request.generation_id < 0 && (self.state == GroupState::Empty || anonymous) {
            return Ok(());
        }
        self.validate_member(member, instance)?;
        match request.generation_id == self.generation {
            true => Ok(()),
            false => Err(ResponseError::IllegalGeneration),
        }
    }
}

/// An answer that refuses all partitions.
pub(crate) fn transactional_refusal(
    topics: &[TxnOffsetCommitRequestTopic],
    error: ResponseError,
) -> TxnOffsetCommitResponse {
    answer(topics, |_, _| Err(error))
}

fn answer(
    topics: &[TxnOffsetCommitRequestTopic],
    mut outcome: impl FnMut(&StrBytes, &OffsetCommitRequestPartition) -> Result<(), ResponseError>,
) -> TxnOffsetCommitResponse {
    let topics = topics.iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|wanted| {
            let partition = OffsetCommitRequestPartition::default()
                .with_partition_index(wanted.partition_index)
                .with_committed_offset(wanted.committed_offset)
                .with_committed_leader_epoch(wanted.committed_leader_epoch)
                .with_committed_metadata(wanted.committed_metadata.clone());
            let code = outcome(&topic.name, &partition).err().map_or(0, |error| error.code());
            TxnOffsetCommitResponsePartition::default()
                .with_partition_index(wanted.partition_index)
                .with_error_code(code)
        });
        let partitions = partitions.collect();
        TxnOffsetCommitResponseTopic::default()
            .with_name(topic.name.clone())
            .with_partitions(partitions)
    });
    TxnOffsetCommitResponse::default().with_topics(topics.collect())
}
