//! Requests of producers, consumers and group members.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic, ForgottenTopic};
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::*;

use crate::draw::Draw;
use crate::frame::{Question, question};

pub(crate) fn question_for(choice: u8, draw: &mut Draw) -> Option<Question> {
    match choice % 11 {
        0 | 1 => question(draw, produce),
        2 | 3 => question(draw, fetch),
        4 => question(draw, list_offsets),
        5 => question(draw, join),
        6 => question(draw, sync),
        7 => question(draw, beat),
        8 => question(draw, commit),
        9 => question(draw, fetch_offsets),
        _ => question(draw, leave),
    }
}

fn produce(draw: &mut Draw, version: i16) -> ProduceRequest {
    let topics = draw.list(|draw| {
        let data = draw.list(|draw| {
            let data = PartitionProduceData::default().with_index(draw.int());
            data.with_records(draw.flag().then(|| records(draw)))
        });
        let topic = TopicProduceData::default().with_partition_data(data);
        match version {
            13.. => topic.with_topic_id(draw.topic_id()),
            _ => topic.with_name(draw.topic()),
        }
    });
    ProduceRequest::default()
        .with_transactional_id(draw.transactional_id())
        .with_acks([-1, 1, 0, draw.short()][draw.below(4)])
        .with_timeout_ms(draw.int())
        .with_topic_data(topics)
}

/// A batch whose header is drawn and whose checksum is mostly right.
fn records(draw: &mut Draw) -> Bytes {
    let (producer, epoch) = draw.producer();
    let count = draw.int().clamp(-1, 20);
    let mut batch = BytesMut::new();
    batch.put_i64(draw.long());
    batch.put_i32(0);
    batch.put_i32(-1);
    batch.put_u8(if draw.byte() < 240 { 2 } else { draw.byte() });
    batch.put_u32(0);
    batch.put_i16(if draw.flag() { 0 } else { i16::from(draw.byte()) });
    batch.put_i32(if draw.byte() < 240 { count - 1 } else { draw.int() });
    batch.put_i64(draw.long());
    batch.put_i64(draw.long());
    batch.put_i64(producer);
    batch.put_i16(epoch);
    batch.put_i32(draw.int());
    batch.put_i32(count);
    for delta in 0..count.max(0) {
        batch.put_slice(&[16, 0, 0, (delta * 2) as u8, 1, 2, draw.byte(), 0, 0]);
    }
    batch.put_slice(&draw.bytes());
    let length = if draw.byte() < 240 { batch.len() as i32 - 12 } else { draw.int() };
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    let checksum = crc32c::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&checksum.to_be_bytes());
    batch.freeze()
}

fn fetch(draw: &mut Draw, version: i16) -> FetchRequest {
    let topics = draw.list(|draw| {
        let partitions = draw.list(|draw| {
            let partition = FetchPartition::default()
                .with_partition(draw.int())
                .with_fetch_offset(draw.long())
                .with_partition_max_bytes(draw.int());
            let partition = match version {
                9.. => partition.with_current_leader_epoch(draw.int()),
                _ => partition,
            };
            if version >= 12 { partition.with_last_fetched_epoch(draw.int()) } else { partition }
        });
        let topic = FetchTopic::default().with_partitions(partitions);
        match version {
            13.. => topic.with_topic_id(draw.topic_id()),
            _ => topic.with_topic(draw.topic()),
        }
    });
    let request = FetchRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_max_wait_ms(draw.int())
        .with_min_bytes(draw.int())
        .with_max_bytes(draw.int())
        .with_isolation_level(draw.byte() as i8)
        .with_topics(topics);
    if version < 7 {
        return request;
    }
    let session = if draw.flag() { draw.learned.session } else { draw.int() };
    let forgotten = draw.list(|draw| {
        let topic = ForgottenTopic::default().with_partitions(draw.list(Draw::int));
        match version {
            13.. => topic.with_topic_id(draw.topic_id()),
            _ => topic.with_topic(draw.topic()),
        }
    });
    let request = request.with_session_id(session).with_session_epoch(draw.int());
    request.with_forgotten_topics_data(forgotten)
}

fn list_offsets(draw: &mut Draw, version: i16) -> ListOffsetsRequest {
    let topics = draw.list(|draw| {
        let partitions = draw.list(|draw| {
            let partition = ListOffsetsPartition::default().with_partition_index(draw.int());
            let partition = partition.with_timestamp(draw.long());
            if version >= 4 { partition.with_current_leader_epoch(draw.int()) } else { partition }
        });
        ListOffsetsTopic::default().with_name(draw.topic()).with_partitions(partitions)
    });
    let request = ListOffsetsRequest::default().with_replica_id(BrokerId(-1)).with_topics(topics);
    if version >= 2 { request.with_isolation_level(draw.byte() as i8) } else { request }
}

fn join(draw: &mut Draw, version: i16) -> JoinGroupRequest {
    let protocols = draw.list(|draw| {
        let protocol = JoinGroupRequestProtocol::default().with_name(draw.text());
        protocol.with_metadata(draw.bytes())
    });
    let request = JoinGroupRequest::default()
        .with_group_id(draw.group())
        .with_session_timeout_ms([1_000, 30_000, draw.int()][draw.below(3)])
        .with_rebalance_timeout_ms(if version >= 1 { draw.int() } else { -1 })
        .with_member_id(draw.member())
        .with_protocol_type(draw.text())
        .with_protocols(protocols);
    if version >= 5 { request.with_group_instance_id(draw.maybe_text()) } else { request }
}

fn sync(draw: &mut Draw, version: i16) -> SyncGroupRequest {
    let assignments = draw.list(|draw| {
        let assignment = SyncGroupRequestAssignment::default().with_member_id(draw.member());
        assignment.with_assignment(draw.bytes())
    });
    let request = SyncGroupRequest::default()
        .with_group_id(draw.group())
        .with_generation_id(draw.generation())
        .with_member_id(draw.member())
        .with_assignments(assignments);
    let request =
        if version >= 3 { request.with_group_instance_id(draw.maybe_text()) } else { request };
    if version < 5 {
        return request;
    }
    request.with_protocol_type(draw.maybe_text()).with_protocol_name(draw.maybe_text())
}

fn beat(draw: &mut Draw, version: i16) -> HeartbeatRequest {
    let request = HeartbeatRequest::default()
        .with_group_id(draw.group())
        .with_generation_id(draw.generation())
        .with_member_id(draw.member());
    if version >= 3 { request.with_group_instance_id(draw.maybe_text()) } else { request }
}

fn commit(draw: &mut Draw, version: i16) -> OffsetCommitRequest {
    let topics = draw.list(|draw| {
        let partitions = draw.list(|draw| {
            OffsetCommitRequestPartition::default()
                .with_partition_index(draw.int())
                .with_committed_offset(draw.long())
                .with_committed_metadata(draw.maybe_text())
        });
        let topic = OffsetCommitRequestTopic::default().with_partitions(partitions);
        match version {
            10.. => topic.with_topic_id(draw.topic_id()),
            _ => topic.with_name(draw.topic()),
        }
    });
    OffsetCommitRequest::default()
        .with_group_id(draw.group())
        .with_generation_id_or_member_epoch(draw.generation())
        .with_member_id(draw.member())
        .with_topics(topics)
}

fn fetch_offsets(draw: &mut Draw, version: i16) -> OffsetFetchRequest {
    if version < 8 {
        let topics = draw.list(|draw| {
            let topic = OffsetFetchRequestTopic::default().with_name(draw.topic());
            topic.with_partition_indexes(draw.list(Draw::int))
        });
        return OffsetFetchRequest::default().with_group_id(draw.group()).with_topics(Some(topics));
    }
    let groups = draw.list(|draw| {
        let topics = draw.list(|draw| {
            let topic = OffsetFetchRequestTopics::default();
            let topic = match version {
                10.. => topic.with_topic_id(draw.topic_id()),
                _ => topic.with_name(draw.topic()),
            };
            topic.with_partition_indexes(draw.list(Draw::int))
        });
        let group = OffsetFetchRequestGroup::default().with_group_id(draw.group());
        group.with_topics(draw.flag().then_some(topics))
    });
    OffsetFetchRequest::default().with_groups(groups).with_require_stable(draw.flag())
}

fn leave(draw: &mut Draw, version: i16) -> LeaveGroupRequest {
    let request = LeaveGroupRequest::default().with_group_id(draw.group());
    if version < 3 {
        return request.with_member_id(draw.member());
    }
    request.with_members(draw.list(|draw| {
        let member = MemberIdentity::default().with_member_id(draw.member());
        member.with_group_instance_id(draw.maybe_text())
    }))
}
