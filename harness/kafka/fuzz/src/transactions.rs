//! Requests of transactional producers and of members by KIP-848.

use kafka_protocol::messages::add_partitions_to_txn_request::{
    AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use kafka_protocol::messages::consumer_group_heartbeat_request::TopicPartitions;
use kafka_protocol::messages::describe_producers_request::TopicRequest;
use kafka_protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use kafka_protocol::messages::write_txn_markers_request::{
    WritableTxnMarker, WritableTxnMarkerTopic,
};
use kafka_protocol::messages::*;

use crate::draw::Draw;
use crate::frame::{Question, question};

pub(crate) fn question_for(choice: u8, draw: &mut Draw) -> Option<Question> {
    match choice % 12 {
        0 | 1 => question(draw, add_partitions),
        2 => question(draw, add_offsets),
        3 | 4 => question(draw, end),
        5 | 6 => question(draw, commit_offsets),
        7 => question(draw, write_markers),
        8 => question(draw, |draw, _| {
            let ids = draw.list(|draw| TransactionalId(draw.text()));
            DescribeTransactionsRequest::default().with_transactional_ids(ids)
        }),
        9 => question(draw, |draw, _| {
            let topics = draw.list(|draw| {
                let topic = TopicRequest::default().with_name(draw.topic());
                topic.with_partition_indexes(draw.list(Draw::int))
            });
            DescribeProducersRequest::default().with_topics(topics)
        }),
        _ => question(draw, beat),
    }
}

fn id(draw: &mut Draw) -> TransactionalId {
    TransactionalId(draw.text())
}

fn topics(draw: &mut Draw) -> Vec<AddPartitionsToTxnTopic> {
    draw.list(|draw| {
        let topic = AddPartitionsToTxnTopic::default().with_name(draw.topic());
        topic.with_partitions(draw.list(Draw::int))
    })
}

fn add_partitions(draw: &mut Draw, version: i16) -> AddPartitionsToTxnRequest {
    let request = AddPartitionsToTxnRequest::default();
    if version < 4 {
        let (producer, epoch) = draw.producer();
        return request
            .with_v3_and_below_transactional_id(id(draw))
            .with_v3_and_below_producer_id(ProducerId(producer))
            .with_v3_and_below_producer_epoch(epoch)
            .with_v3_and_below_topics(topics(draw));
    }
    request.with_transactions(draw.list(|draw| {
        let (producer, epoch) = draw.producer();
        AddPartitionsToTxnTransaction::default()
            .with_transactional_id(id(draw))
            .with_producer_id(ProducerId(producer))
            .with_producer_epoch(epoch)
            .with_verify_only(draw.flag())
            .with_topics(topics(draw))
    }))
}

fn add_offsets(draw: &mut Draw, _: i16) -> AddOffsetsToTxnRequest {
    let (producer, epoch) = draw.producer();
    AddOffsetsToTxnRequest::default()
        .with_transactional_id(id(draw))
        .with_producer_id(ProducerId(producer))
        .with_producer_epoch(epoch)
        .with_group_id(draw.group())
}

fn end(draw: &mut Draw, _: i16) -> EndTxnRequest {
    let (producer, epoch) = draw.producer();
    EndTxnRequest::default()
        .with_transactional_id(id(draw))
        .with_producer_id(ProducerId(producer))
        .with_producer_epoch(epoch)
        .with_committed(draw.flag())
}

fn commit_offsets(draw: &mut Draw, version: i16) -> TxnOffsetCommitRequest {
    let (producer, epoch) = draw.producer();
    let topics = draw.list(|draw| {
        let partitions = draw.list(|draw| {
            TxnOffsetCommitRequestPartition::default()
                .with_partition_index(draw.int())
                .with_committed_offset(draw.long())
                .with_committed_metadata(draw.maybe_text())
        });
        let topic = TxnOffsetCommitRequestTopic::default().with_name(draw.topic());
        topic.with_partitions(partitions)
    });
    let request = TxnOffsetCommitRequest::default()
        .with_transactional_id(id(draw))
        .with_group_id(draw.group())
        .with_producer_id(ProducerId(producer))
        .with_producer_epoch(epoch)
        .with_topics(topics);
    if version < 3 {
        return request;
    }
    let request = request.with_generation_id(draw.generation()).with_member_id(draw.member());
    request.with_group_instance_id(draw.maybe_text())
}

fn write_markers(draw: &mut Draw, _: i16) -> WriteTxnMarkersRequest {
    WriteTxnMarkersRequest::default().with_markers(draw.list(|draw| {
        let (producer, epoch) = draw.producer();
        let topics = draw.list(|draw| {
            let topic = WritableTxnMarkerTopic::default().with_name(draw.topic());
            topic.with_partition_indexes(draw.list(Draw::int))
        });
        WritableTxnMarker::default()
            .with_producer_id(ProducerId(producer))
            .with_producer_epoch(epoch)
            .with_transaction_result(draw.flag())
            .with_coordinator_epoch(draw.int())
            .with_topics(topics)
    }))
}

fn beat(draw: &mut Draw, version: i16) -> ConsumerGroupHeartbeatRequest {
    let owned = draw.list(|draw| {
        let topic = TopicPartitions::default().with_topic_id(draw.topic_id());
        topic.with_partitions(draw.list(Draw::int))
    });
    let joins = draw.flag();
    let owned = if joins { Some(Vec::new()) } else { draw.flag().then_some(owned) };
    let names = draw.list(Draw::topic);
    let request = ConsumerGroupHeartbeatRequest::default()
        .with_group_id(draw.group())
        .with_member_id(draw.member())
        .with_member_epoch(if joins { 0 } else { draw.generation() })
        .with_instance_id(draw.maybe_text())
        .with_rebalance_timeout_ms(if joins { 30_000 } else { draw.int() })
        .with_subscribed_topic_names((joins || draw.flag()).then_some(names))
        .with_server_assignor(draw.maybe_text())
        .with_topic_partitions(owned);
    if version < 1 { request } else { request.with_subscribed_topic_regex(draw.maybe_text()) }
}
