//! What a group's requests are refused with before the group is looked at.

use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use kafka_protocol::messages::{
    ConsumerGroupHeartbeatRequest, GroupId, HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest,
    OffsetCommitRequest, OffsetDeleteRequest, SyncGroupRequest,
};

use super::conversation::text;
use super::*;
use crate::cluster::groups::slot;

const NOT_COORDINATOR: i16 = 16;
const INVALID_GROUP_ID: i16 = 24;
const INVALID_SESSION_TIMEOUT: i16 = 26;
const INVALID_REQUEST: i16 = 42;
const UNKNOWN_TOPIC_OR_PARTITION: i16 = 3;

fn world() -> World {
    let mut world = World::new(ClusterConfig::with_brokers(2));
    world.cluster.create_topic("t", 1).unwrap();
    world.cluster.create_topic("u", 1).unwrap();
    world
}

/// A broker that coordinates the group, or one that does not.
fn broker(world: &World, group: &str, coordinates: bool) -> i32 {
    let coordinator = world.cluster.group_coordinator(slot(group)).unwrap();
    if coordinates { coordinator } else { 3 - coordinator }
}

/// What committing these partitions gives, in the order of the answer.
fn commit(
    world: &mut World,
    broker: i32,
    topics: &[(&'static str, &[i32])],
) -> Vec<(String, i32, i16)> {
    let topics = topics.iter().map(|(topic, partitions)| {
        let partitions = partitions
            .iter()
            .map(|&index| OffsetCommitRequestPartition::default().with_partition_index(index));
        let topic = OffsetCommitRequestTopic::default().with_name(name(topic));
        topic.with_partitions(partitions.collect())
    });
    let request = OffsetCommitRequest::default()
        .with_group_id(GroupId(text("g")))
        .with_topics(topics.collect());
    let answer = world.ask(broker, 8, &request);
    let partitions = answer.topics.iter().flat_map(|topic| {
        let name = topic.name.to_string();
        topic.partitions.iter().map(move |one| (name.clone(), one.partition_index, one.error_code))
    });
    partitions.collect()
}

#[test]
fn partitions_that_are_not_are_refused_first_and_by_any_broker() {
    for (coordinates, code) in [(true, 0), (false, NOT_COORDINATOR)] {
        let mut world = world();
        let broker = broker(&world, "g", coordinates);
        let answer = commit(&mut world, broker, &[("t", &[0]), ("u", &[0, 7]), ("x", &[1])]);
        let unknown = |topic: &str, index| (topic.to_owned(), index, UNKNOWN_TOPIC_OR_PARTITION);
        let known = |topic: &str| (topic.to_owned(), 0, code);
        assert_eq!(answer, [unknown("u", 7), known("u"), unknown("x", 1), known("t")]);
        assert_eq!(commit(&mut world, broker, &[("x", &[1])]), [unknown("x", 1)]);
        let committed = world.cluster.committed_offset("g", "u", 0).is_some();
        assert_eq!(committed, coordinates);
    }
}

#[test]
fn offsets_of_partitions_that_are_not_cannot_be_deleted() {
    let mut world = world();
    let coordinator = broker(&world, "g", true);
    commit(&mut world, coordinator, &[("t", &[0])]);
    let partitions = [0, 7].map(|index| {
        let partition = OffsetDeleteRequestPartition::default();
        partition.with_partition_index(index)
    });
    let topic = OffsetDeleteRequestTopic::default().with_name(name("t"));
    let request = OffsetDeleteRequest::default()
        .with_group_id(GroupId(text("g")))
        .with_topics(vec![topic.with_partitions(partitions.to_vec())]);
    let answer = world.ask(coordinator, 0, &request);
    assert_eq!(answer.error_code, 0);
    let codes = answer.topics[0].partitions.iter().map(|one| (one.partition_index, one.error_code));
    assert_eq!(codes.collect::<Vec<_>>(), [(7, UNKNOWN_TOPIC_OR_PARTITION), (0, 0)]);
    assert_eq!(world.cluster.committed_offset("g", "t", 0), None);
}

#[test]
fn what_cannot_be_is_refused_by_any_broker() {
    let mut world = world();
    for coordinates in [true, false] {
        let nameless = broker(&world, "", coordinates);
        let join = JoinGroupRequest::default().with_session_timeout_ms(10_000);
        assert_eq!(world.ask(nameless, 5, &join).error_code, INVALID_GROUP_ID);
        let sync = SyncGroupRequest::default();
        assert_eq!(world.ask(nameless, 3, &sync).error_code, INVALID_GROUP_ID);
        let beat = HeartbeatRequest::default();
        assert_eq!(world.ask(nameless, 3, &beat).error_code, INVALID_GROUP_ID);
        let leave = LeaveGroupRequest::default();
        assert_eq!(world.ask(nameless, 3, &leave).error_code, INVALID_GROUP_ID);
        let delete = OffsetDeleteRequest::default();
        assert_eq!(world.ask(nameless, 0, &delete).error_code, INVALID_GROUP_ID);
        let beat = ConsumerGroupHeartbeatRequest::default();
        assert_eq!(world.ask(nameless, 0, &beat).error_code, INVALID_REQUEST);

        let named = broker(&world, "g", coordinates);
        let join = join.with_group_id(GroupId(text("g"))).with_session_timeout_ms(1);
        assert_eq!(world.ask(named, 5, &join).error_code, INVALID_SESSION_TIMEOUT);
    }
}
