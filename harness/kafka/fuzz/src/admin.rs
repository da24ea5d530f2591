//! Requests of administrators, and those that any client sends first.

use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::*;

use crate::draw::Draw;
use crate::frame::{Question, question};

pub(crate) fn question_for(choice: u8, draw: &mut Draw) -> Option<Question> {
    match choice % 14 {
        0 => question(draw, |draw, version| match version {
            3.. => ApiVersionsRequest::default()
                .with_client_software_name(draw.text())
                .with_client_software_version(draw.text()),
            _ => ApiVersionsRequest::default(),
        }),
        1 => question(draw, metadata),
        2 => question(draw, create_topics),
        3 => question(draw, delete_topics),
        4 => question(draw, delete_records),
        5 => question(draw, describe_configs),
        6 | 7 => question(draw, init_producer),
        8 => question(draw, find_coordinator),
        9 => question(draw, epochs),
        10 => question(draw, |draw, _| {
            DescribeGroupsRequest::default().with_groups(draw.list(Draw::group))
        }),
        11 => question(draw, |draw, version| {
            let states = if version >= 4 { draw.list(Draw::text) } else { Vec::new() };
            ListGroupsRequest::default().with_states_filter(states)
        }),
        12 => question(draw, |draw, _| {
            DeleteGroupsRequest::default().with_groups_names(draw.list(Draw::group))
        }),
        _ => question(draw, |draw, _| {
            SaslAuthenticateRequest::default().with_auth_bytes(draw.bytes())
        }),
    }
}

fn metadata(draw: &mut Draw, version: i16) -> MetadataRequest {
    let topics = draw.list(|draw| {
        let by_id = version >= 12 && draw.flag();
        let topic = MetadataRequestTopic::default();
        match by_id {
            true => topic.with_name(None).with_topic_id(draw.topic_id()),
            false => topic.with_name(Some(draw.topic())),
        }
    });
    let topics = (version == 0 || draw.flag()).then_some(topics);
    let create = version < 4 || draw.flag();
    MetadataRequest::default().with_topics(topics).with_allow_auto_topic_creation(create)
}

fn create_topics(draw: &mut Draw, _: i16) -> CreateTopicsRequest {
    let topics = draw.list(|draw| {
        let configs = draw.list(|draw| {
            let names = ["retention.bytes", "min.insync.replicas", "cleanup.policy", "odd"];
            let name = names[draw.below(names.len())];
            let value = draw.flag().then(|| draw.long().to_string().into());
            CreatableTopicConfig::default().with_name(name.into()).with_value(value)
        });
        CreatableTopic::default()
            .with_name(draw.text().into())
            .with_num_partitions(draw.int())
            .with_replication_factor(draw.short())
            .with_configs(configs)
    });
    CreateTopicsRequest::default().with_topics(topics).with_timeout_ms(draw.int())
}

fn delete_topics(draw: &mut Draw, version: i16) -> DeleteTopicsRequest {
    let request = DeleteTopicsRequest::default().with_timeout_ms(draw.int());
    if version < 6 {
        return request.with_topic_names(draw.list(|draw| draw.text().into()));
    }
    request.with_topics(draw.list(|draw| {
        let state = DeleteTopicState::default();
        match draw.flag() {
            true => state.with_name(None).with_topic_id(draw.topic_id()),
            false => state.with_name(Some(draw.text().into())),
        }
    }))
}

fn delete_records(draw: &mut Draw, _: i16) -> DeleteRecordsRequest {
    let topics = draw.list(|draw| {
        let partitions = draw.list(|draw| {
            let partition = DeleteRecordsPartition::default().with_partition_index(draw.int());
            partition.with_offset(draw.long())
        });
        DeleteRecordsTopic::default().with_name(draw.topic()).with_partitions(partitions)
    });
    DeleteRecordsRequest::default().with_topics(topics).with_timeout_ms(draw.int())
}

fn describe_configs(draw: &mut Draw, _: i16) -> DescribeConfigsRequest {
    let resources = draw.list(|draw| {
        let keys = draw.list(Draw::text);
        DescribeConfigsResource::default()
            .with_resource_type(draw.byte() as i8)
            .with_resource_name(draw.text())
            .with_configuration_keys(draw.flag().then_some(keys))
    });
    DescribeConfigsRequest::default().with_resources(resources)
}

fn init_producer(draw: &mut Draw, version: i16) -> InitProducerIdRequest {
    let request = InitProducerIdRequest::default()
        .with_transactional_id(draw.transactional_id())
        .with_transaction_timeout_ms(draw.int());
    if version < 3 {
        return request;
    }
    let (producer, epoch) = draw.producer();
    request.with_producer_id(ProducerId(producer)).with_producer_epoch(epoch)
}

fn find_coordinator(draw: &mut Draw, version: i16) -> FindCoordinatorRequest {
    let request = FindCoordinatorRequest::default();
    let request = if version >= 1 { request.with_key_type(draw.byte() as i8) } else { request };
    match version {
        4.. => request.with_coordinator_keys(draw.list(Draw::text)),
        _ => request.with_key(draw.text()),
    }
}

fn epochs(draw: &mut Draw, _: i16) -> OffsetForLeaderEpochRequest {
    let topics = draw.list(|draw| {
        let partitions = draw.list(|draw| {
            OffsetForLeaderPartition::default()
                .with_partition(draw.int())
                .with_current_leader_epoch(draw.int())
                .with_leader_epoch(draw.int())
        });
        OffsetForLeaderTopic::default().with_topic(draw.topic()).with_partitions(partitions)
    });
    OffsetForLeaderEpochRequest::default().with_replica_id(BrokerId(-2)).with_topics(topics)
}
