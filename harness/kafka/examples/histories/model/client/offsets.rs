//! The offsets that a transactional producer commits with its transactions: it consumes,
//! processes and produces, alone in its group.

use std::time::Duration;

use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;

use super::super::context::Context;
use super::super::invariant::{Note, SentOffset};
use super::super::links::Token;
use super::topic;

/// Its group, the group's coordinator, and whether it has to look at what is committed.
#[derive(Debug)]
pub(super) struct Offsets {
    pub(super) producer: u64,
    pub(super) coordinator: Option<i32>,
    /// The offset to send with the transaction, until it is sent.
    pub(super) due: Option<i64>,
    /// What is committed is not known any more.
    pub(super) must_read: bool,
}

impl Offsets {
    pub(super) fn new(producer: u64) -> Self {
        Self { producer, coordinator: None, due: None, must_read: true }
    }

    fn group(&self) -> GroupId {
        GroupId(StrBytes::from_string(format!("group-{}", self.producer)))
    }

    pub(super) fn find(&self, context: &mut Context) -> Token {
        let request = FindCoordinatorRequest::default();
        let request = request.with_coordinator_keys(vec![self.group().0]);
        let broker = context.any_broker();
        context.ask(broker, 4, &request, Note::Find, Duration::from_millis(400))
    }

    pub(super) fn read(&self, context: &mut Context, coordinator: i32) -> Token {
        let topic = OffsetFetchRequestTopics::default().with_name(topic());
        let group = OffsetFetchRequestGroup::default()
            .with_group_id(self.group())
            .with_topics(Some(vec![topic.with_partition_indexes(vec![0])]));
        let request = OffsetFetchRequest::default().with_groups(vec![group]);
        let request = request.with_require_stable(true);
        let note = Note::FetchStable(self.producer);
        context.ask(coordinator, 8, &request, note, Duration::from_millis(600))
    }

    /// Newer clients need no AddOffsetsToTxn before (KIP-890).
    pub(super) fn send(
        &self,
        context: &mut Context,
        coordinator: i32,
        (producer_id, epoch): (i64, i16),
        transaction: u64,
        offset: i64,
    ) -> Token {
        let part = TxnOffsetCommitRequestPartition::default().with_committed_offset(offset);
        let topic = TxnOffsetCommitRequestTopic::default().with_name(topic());
        let id = StrBytes::from_string(format!("tx-{}", self.producer));
        let request = TxnOffsetCommitRequest::default()
            .with_transactional_id(TransactionalId(id))
            .with_group_id(self.group())
            .with_producer_id(ProducerId(producer_id))
            .with_producer_epoch(epoch)
            .with_generation_id(-1)
            .with_topics(vec![topic.with_partitions(vec![part])]);
        let note = Note::SendOffset(SentOffset { producer: self.producer, transaction, offset });
        context.ask(coordinator, 5, &request, note, Duration::from_millis(600))
    }
}
