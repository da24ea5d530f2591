//! Administrators' requests: their shapes, and the errors that Kafka's controller gives.

use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use kafka_protocol::messages::create_topics_request::{CreatableReplicaAssignment, CreatableTopic};
use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use kafka_protocol::messages::describe_topic_partitions_request::{Cursor, TopicRequest};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::*;

use super::conversation::{converse, text};
use super::*;
use ResponseError::*;

fn ids(ids: &[i32]) -> Vec<BrokerId> {
    ids.iter().copied().map(BrokerId).collect()
}

#[test]
fn config_requests_are_conversed_about() {
    use kafka_protocol::messages::{
        alter_configs_request as legacy, incremental_alter_configs_request as incremental,
    };
    converse(|_| {
        let config = legacy::AlterableConfig::default().with_name(text("retention.ms"));
        let resource = legacy::AlterConfigsResource::default().with_resource_type(2);
        let resource = resource.with_resource_name(text("t")).with_configs(vec![config]);
        AlterConfigsRequest::default().with_resources(vec![resource])
    });
    converse(|_| {
        let config = incremental::AlterableConfig::default().with_name(text("retention.ms"));
        let resource = incremental::AlterConfigsResource::default().with_resource_type(2);
        let resource = resource.with_resource_name(text("t")).with_configs(vec![config]);
        IncrementalAlterConfigsRequest::default().with_resources(vec![resource])
    });
    converse(|version| {
        let kinds = if version >= 1 { vec![2, 4] } else { Vec::new() };
        ListConfigResourcesRequest::default().with_resource_types(kinds)
    });
}

#[test]
fn topic_and_cluster_requests_are_conversed_about() {
    converse(|_| {
        let chosen = CreatePartitionsAssignment::default().with_broker_ids(ids(&[1, 2, 3]));
        let topic = |topic, chosen| {
            let topic = CreatePartitionsTopic::default().with_name(name(topic)).with_count(4);
            topic.with_assignments(chosen)
        };
        let topics = vec![topic("t", Some(vec![chosen])), topic("absent", None)];
        CreatePartitionsRequest::default().with_topics(topics)
    });
    converse(|version| {
        let kind = if version >= 1 { 2 } else { 1 };
        DescribeClusterRequest::default().with_endpoint_type(kind)
    });
    converse(|_| {
        let topics = ["t", "absent"].map(|topic| TopicRequest::default().with_name(name(topic)));
        let cursor = Cursor::default().with_topic_name(name("t")).with_partition_index(1);
        let request = DescribeTopicPartitionsRequest::default().with_topics(topics.to_vec());
        request.with_cursor(Some(cursor))
    });
    converse(|version| {
        let topic = DescribableLogDirTopic::default().with_topic(name("t"));
        let topics = vec![topic.with_partitions(vec![0, 9])];
        DescribeLogDirsRequest::default().with_topics((version > 1).then_some(topics))
    });
}

#[test]
fn access_control_is_off() {
    let disabled = SecurityDisabled.code();
    let filter = DescribeAclsRequest::default().with_resource_type_filter(1);
    let filter = filter.with_operation(1).with_permission_type(1);
    converse(|_| filter.clone());
    converse(|_| CreateAclsRequest::default().with_creations(vec![AclCreation::default()]));
    converse(|_| DeleteAclsRequest::default().with_filters(vec![DeleteAclsFilter::default()]));
    let mut world = World::with_topic();
    assert_eq!(world.ask(1, 3, &filter).error_code, disabled);
    let create = CreateAclsRequest::default().with_creations(vec![AclCreation::default(); 2]);
    let results = world.ask(1, 3, &create).results;
    assert_eq!(results.iter().map(|acl| acl.error_code).collect::<Vec<_>>(), [disabled; 2]);
}

#[test]
fn topics_are_created_with_chosen_replicas_or_refused() {
    let at = |partition, brokers: &[i32]| {
        CreatableReplicaAssignment::default()
            .with_partition_index(partition)
            .with_broker_ids(ids(brokers))
    };
    let cases: &[(&str, i32, i16, Vec<CreatableReplicaAssignment>, i16)] = &[
        ("a", -1, -1, vec![at(1, &[2, 1]), at(0, &[3, 2])], 0),
        ("a", 2, -1, vec![at(0, &[1])], InvalidRequest.code()),
        ("a", -1, 1, vec![at(0, &[1])], InvalidRequest.code()),
        ("a", -1, -1, vec![at(0, &[1]), at(0, &[2])], InvalidReplicaAssignment.code()),
        ("a", -1, -1, vec![at(0, &[1]), at(2, &[2])], InvalidReplicaAssignment.code()),
        ("a", -1, -1, vec![at(0, &[1]), at(1, &[2, 3])], InvalidReplicaAssignment.code()),
        ("a", -1, -1, vec![at(0, &[])], InvalidReplicaAssignment.code()),
        ("a", -1, -1, vec![at(0, &[1, 1])], InvalidReplicaAssignment.code()),
        ("a", -1, -1, vec![at(0, &[9])], InvalidReplicaAssignment.code()),
        ("a", 0, -1, vec![], InvalidPartitions.code()),
        ("a", -2, -1, vec![], InvalidPartitions.code()),
        ("a", 1, 0, vec![], InvalidReplicationFactor.code()),
        ("a", 1, 4, vec![], InvalidReplicationFactor.code()),
        ("t", 1, 1, vec![], TopicAlreadyExists.code()),
        ("x.y", 1, 1, vec![], InvalidTopicException.code()),
        ("..", 1, 1, vec![], InvalidTopicException.code()),
    ];
    for (topic, count, factor, chosen, expected) in cases {
        for only_check in [true, false] {
            let mut world = World::with_topic();
            world.cluster.create_topic("x_y", 1).unwrap();
            let topic = CreatableTopic::default()
                .with_name(name(topic))
                .with_num_partitions(*count)
                .with_replication_factor(*factor)
                .with_assignments(chosen.clone());
            let request = CreateTopicsRequest::default().with_topics(vec![topic.clone()]);
            let answer = world.ask(1, 7, &request.with_validate_only(only_check));
            assert_eq!(answer.topics[0].error_code, *expected, "{topic:?}");
            assert_eq!(world.cluster.partitions("a").is_some(), *expected == 0 && !only_check);
        }
    }
    let mut world = World::with_topic();
    let topic = CreatableTopic::default().with_name(name("a")).with_num_partitions(1);
    let topics = vec![topic.with_replication_factor(1); 2];
    let answer = world.ask(1, 7, &CreateTopicsRequest::default().with_topics(topics));
    assert_eq!(answer.topics[0].error_code, InvalidRequest.code(), "named twice");
    assert_eq!(answer.topics.len(), 1);
}

#[test]
fn partitions_are_added_or_refused() {
    let chosen = |brokers: &[&[i32]]| {
        let each = brokers
            .iter()
            .map(|brokers| CreatePartitionsAssignment::default().with_broker_ids(ids(brokers)));
        Some(each.collect::<Vec<_>>())
    };
    let cases = [
        ("t", 5, None, 0),
        ("t", 4, chosen(&[&[3, 2, 1]]), 0),
        ("t", 3, None, InvalidPartitions.code()),
        ("t", 2, None, InvalidPartitions.code()),
        ("t", 20_000, None, InvalidPartitions.code()),
        ("absent", 2, None, UnknownTopicOrPartition.code()),
        ("t", 5, chosen(&[&[3, 2, 1]]), InvalidReplicaAssignment.code()),
        ("t", 4, chosen(&[&[3, 2]]), InvalidReplicaAssignment.code()),
        ("t", 4, chosen(&[&[3, 2, 9]]), InvalidReplicaAssignment.code()),
    ];
    for (topic, count, chosen, expected) in cases {
        let mut world = World::with_topic();
        let wanted = CreatePartitionsTopic::default().with_name(name(topic)).with_count(count);
        let wanted = wanted.with_assignments(chosen);
        let request = CreatePartitionsRequest::default().with_topics(vec![wanted]);
        let checked = world.ask(1, 3, &request.clone().with_validate_only(true));
        assert_eq!(checked.results[0].error_code, expected, "{topic} {count}");
        assert_eq!(world.cluster.partitions("t").unwrap().len(), 3);
        assert_eq!(world.ask(1, 3, &request).results[0].error_code, expected);
        let count = if expected == 0 { count as usize } else { 3 };
        assert_eq!(world.cluster.partitions("t").unwrap().len(), count);
    }
}

#[test]
fn a_new_partition_takes_records() {
    let mut world = World::with_topic();
    let chosen = CreatePartitionsAssignment::default().with_broker_ids(ids(&[2, 3, 1]));
    let wanted = CreatePartitionsTopic::default().with_name(name("t")).with_count(4);
    let wanted = wanted.with_assignments(Some(vec![chosen]));
    world.ask(1, 3, &CreatePartitionsRequest::default().with_topics(vec![wanted]));
    assert_eq!(world.produce_to(2, 3, 1, sample(2, None, 40)).error_code, 0);
    assert_eq!(bases(&world.fetch(2, 3, 0)), [0]);
}

#[test]
fn topics_are_deleted_by_name_and_id_or_refused() {
    let id = |world: &World| world.cluster.topics.named("t").unwrap().id;
    let state =
        |name: Option<TopicName>, id| DeleteTopicState::default().with_name(name).with_topic_id(id);
    let mut world = World::with_topic();
    let known = id(&world);
    let cases = [
        (vec![state(Some(name("absent")), uuid::Uuid::nil())], UnknownTopicOrPartition.code()),
        (vec![state(None, uuid::Uuid::from_u128(7))], UnknownTopicId.code()),
        (vec![state(Some(name("t")), known)], InvalidRequest.code()),
        (vec![state(None, uuid::Uuid::nil())], InvalidRequest.code()),
        (vec![state(None, known), state(None, known)], InvalidRequest.code()),
        (vec![state(None, known)], 0),
    ];
    for (topics, expected) in cases {
        let request = DeleteTopicsRequest::default().with_topics(topics);
        assert_eq!(world.ask(1, 6, &request).responses[0].error_code, expected);
    }
    assert!(world.cluster.partitions("t").is_none());
}

#[test]
fn partitions_are_described_piece_by_piece() {
    let mut world = World::with_topic();
    world.cluster.create_topic("a", 2).unwrap();
    let mut seen = Vec::new();
    let mut request = DescribeTopicPartitionsRequest::default().with_response_partition_limit(2);
    loop {
        let answer = world.ask(1, 0, &request);
        for topic in answer.topics {
            let name = topic.name.unwrap();
            let indexes = topic.partitions.iter().map(|part| part.partition_index);
            seen.extend(indexes.map(|index| format!("{}-{index}", &*name)));
        }
        let Some(next) = answer.next_cursor else { break };
        let cursor = Cursor::default().with_topic_name(next.topic_name);
        request.cursor = Some(cursor.with_partition_index(next.partition_index));
    }
    assert_eq!(seen, ["a-0", "a-1", "t-0", "t-1", "t-2"]);
}

#[test]
fn the_cluster_describes_itself() {
    let mut world = World::with_topic();
    world.cluster.crash(world.now, 3).unwrap();
    world.pass(SECOND);
    let request = DescribeClusterRequest::default().with_endpoint_type(1);
    let request = request.with_include_cluster_authorized_operations(true);
    let answer = world.ask(1, 2, &request);
    assert_eq!((answer.brokers.len(), answer.cluster_authorized_operations), (2, 8_096));
    let answer = world.ask(1, 2, &request.clone().with_include_fenced_brokers(true));
    let fenced: Vec<_> = answer.brokers.iter().map(|broker| broker.is_fenced).collect();
    assert_eq!(fenced, [false, false, true]);
    let answer = world.ask(1, 2, &request.with_endpoint_type(2));
    assert_eq!(answer.error_code, MismatchedEndpointType.code());
}

#[test]
fn metadata_says_what_may_be_done_when_asked() {
    let mut world = World::with_topic();
    let topic = MetadataRequestTopic::default().with_name(Some(name("t")));
    let request = MetadataRequest::default().with_topics(Some(vec![topic]));
    let silent = world.ask(1, 12, &request);
    assert_eq!(silent.topics[0].topic_authorized_operations, i32::MIN);
    let asked = world.ask(1, 12, &request.with_include_topic_authorized_operations(true));
    assert_eq!(asked.topics[0].topic_authorized_operations, 3_576);
    let by_id = MetadataRequestTopic::default().with_name(Some(name("t")));
    let by_id = by_id.with_topic_id(uuid::Uuid::from_u128(7));
    let early = world.ask(1, 10, &MetadataRequest::default().with_topics(Some(vec![by_id])));
    assert_eq!(early.topics[0].error_code, InvalidRequest.code());
}

#[test]
fn log_directories_show_the_replicas_of_a_broker() {
    let mut world = World::with_topic();
    world.produce(1, -1, sample(3, None, 39));
    let answer = world.ask(2, 4, &DescribeLogDirsRequest::default().with_topics(None));
    let sizes = answer.results[0].topics[0].partitions.iter().map(|part| part.partition_size);
    assert_eq!(sizes.collect::<Vec<_>>(), [100, 0, 0]);
}
