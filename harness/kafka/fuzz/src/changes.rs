//! Requests that change topics, settings, leaders, assignments and quotas, and look at them.

use kafka_protocol::messages::alter_client_quotas_request::{EntityData, EntryData, OpData};
use kafka_protocol::messages::alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use kafka_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use kafka_protocol::messages::describe_topic_partitions_request::{
    Cursor, TopicRequest as DescribedTopic,
};
use kafka_protocol::messages::elect_leaders_request::TopicPartitions as ElectedTopic;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource as IncrementalResource, AlterableConfig as IncrementalConfig,
};
use kafka_protocol::messages::list_partition_reassignments_request::ListPartitionReassignmentsTopics;
use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::StrBytes;

use crate::draw::Draw;
use crate::frame::{Question, question};

/// Settings that the cluster acts on, and one that it does not know.
const SETTINGS: [&str; 6] = [
    "retention.bytes",
    "retention.ms",
    "min.insync.replicas",
    "cleanup.policy",
    "max.message.bytes",
    "no.such.setting",
];

pub(crate) fn question_for(choice: u8, draw: &mut Draw) -> Option<Question> {
    match choice % 12 {
        0 => question(draw, create_partitions),
        1 => question(draw, alter_configs),
        2 | 3 => question(draw, alter_incrementally),
        4 => question(draw, elect),
        5 | 6 => question(draw, reassign),
        7 => question(draw, |draw, _| {
            let topics = draw.list(|draw| {
                let topic = ListPartitionReassignmentsTopics::default().with_name(draw.topic());
                topic.with_partition_indexes(draw.list(Draw::int))
            });
            let topics = draw.flag().then_some(topics);
            ListPartitionReassignmentsRequest::default().with_topics(topics)
        }),
        8 => question(draw, |draw, _| {
            let topics = draw.list(|draw| {
                let topic = DescribableLogDirTopic::default().with_topic(draw.topic());
                topic.with_partitions(draw.list(Draw::int))
            });
            DescribeLogDirsRequest::default().with_topics(draw.flag().then_some(topics))
        }),
        9 => question(draw, describe_partitions),
        10 => question(draw, |draw, _| {
            let topics = draw.list(|draw| {
                let partitions = draw.list(|draw| {
                    OffsetDeleteRequestPartition::default().with_partition_index(draw.int())
                });
                let topic = OffsetDeleteRequestTopic::default().with_name(draw.topic());
                topic.with_partitions(partitions)
            });
            OffsetDeleteRequest::default().with_group_id(draw.group()).with_topics(topics)
        }),
        _ => question(draw, alter_quotas),
    }
}

fn setting(draw: &mut Draw) -> (StrBytes, Option<StrBytes>) {
    let name = StrBytes::from_static_str(SETTINGS[draw.below(SETTINGS.len())]);
    let value = match draw.byte() {
        0..=159 => Some(StrBytes::from_string(draw.long().to_string())),
        160..=199 => Some(StrBytes::from_static_str("compact,delete")),
        _ => draw.maybe_text(),
    };
    (name, value)
}

/// Type and name of a resource: mostly the topic.
fn resource(draw: &mut Draw) -> (i8, StrBytes) {
    match draw.byte() {
        0..=159 => (2, draw.topic().0),
        160..=199 => (4, StrBytes::from_string(draw.long().to_string())),
        byte => (byte as i8, draw.text()),
    }
}

fn create_partitions(draw: &mut Draw, _: i16) -> CreatePartitionsRequest {
    let topics = draw.list(|draw| {
        let assignments = draw.list(|draw| {
            let brokers = draw.list(|draw| BrokerId(draw.int()));
            CreatePartitionsAssignment::default().with_broker_ids(brokers)
        });
        CreatePartitionsTopic::default()
            .with_name(draw.topic())
            .with_count(draw.int())
            .with_assignments(draw.flag().then_some(assignments))
    });
    let request = CreatePartitionsRequest::default().with_topics(topics);
    request.with_validate_only(draw.flag()).with_timeout_ms(draw.int())
}

fn alter_configs(draw: &mut Draw, _: i16) -> AlterConfigsRequest {
    let resources = draw.list(|draw| {
        let (kind, name) = resource(draw);
        let configs = draw.list(|draw| {
            let (name, value) = setting(draw);
            AlterableConfig::default().with_name(name).with_value(value)
        });
        AlterConfigsResource::default()
            .with_resource_type(kind)
            .with_resource_name(name)
            .with_configs(configs)
    });
    AlterConfigsRequest::default().with_resources(resources).with_validate_only(draw.flag())
}

fn alter_incrementally(draw: &mut Draw, _: i16) -> IncrementalAlterConfigsRequest {
    let resources = draw.list(|draw| {
        let (kind, name) = resource(draw);
        let configs = draw.list(|draw| {
            let (name, value) = setting(draw);
            let operation = (draw.byte() % 5) as i8;
            let config = IncrementalConfig::default().with_name(name).with_value(value);
            config.with_config_operation(operation)
        });
        IncrementalResource::default()
            .with_resource_type(kind)
            .with_resource_name(name)
            .with_configs(configs)
    });
    let request = IncrementalAlterConfigsRequest::default().with_resources(resources);
    request.with_validate_only(draw.flag())
}

fn elect(draw: &mut Draw, version: i16) -> ElectLeadersRequest {
    let topics = draw.list(|draw| {
        let topic = ElectedTopic::default().with_topic(draw.topic());
        topic.with_partitions(draw.list(Draw::int))
    });
    let request =
        ElectLeadersRequest::default().with_topic_partitions(draw.flag().then_some(topics));
    if version >= 1 { request.with_election_type(draw.byte() as i8 % 3) } else { request }
}

fn reassign(draw: &mut Draw, _: i16) -> AlterPartitionReassignmentsRequest {
    let topics = draw.list(|draw| {
        let partitions = draw.list(|draw| {
            let replicas = draw.list(|draw| BrokerId(draw.int()));
            ReassignablePartition::default()
                .with_partition_index(draw.int())
                .with_replicas(draw.flag().then_some(replicas))
        });
        ReassignableTopic::default().with_name(draw.topic()).with_partitions(partitions)
    });
    AlterPartitionReassignmentsRequest::default().with_topics(topics)
}

fn describe_partitions(draw: &mut Draw, _: i16) -> DescribeTopicPartitionsRequest {
    let topics = draw.list(|draw| DescribedTopic::default().with_name(draw.topic()));
    let cursor = Cursor::default().with_topic_name(draw.topic()).with_partition_index(draw.int());
    DescribeTopicPartitionsRequest::default()
        .with_topics(topics)
        .with_response_partition_limit(draw.int())
        .with_cursor(draw.flag().then_some(cursor))
}

fn alter_quotas(draw: &mut Draw, _: i16) -> AlterClientQuotasRequest {
    let entries = draw.list(|draw| {
        let entity = draw.list(|draw| {
            let kind = ["user", "client-id", "ip", "none"][draw.below(4)];
            EntityData::default()
                .with_entity_type(StrBytes::from_static_str(kind))
                .with_entity_name(draw.maybe_text())
        });
        let operations = draw.list(|draw| {
            let keys = ["producer_byte_rate", "consumer_byte_rate", "request_percentage", "none"];
            OpData::default()
                .with_key(StrBytes::from_static_str(keys[draw.below(4)]))
                .with_value(f64::from_bits(draw.long() as u64))
                .with_remove(draw.flag())
        });
        EntryData::default().with_entity(entity).with_ops(operations)
    });
    AlterClientQuotasRequest::default().with_entries(entries).with_validate_only(draw.flag())
}
