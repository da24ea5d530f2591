//! Partitions that move to other replicas, and the quorum of controllers.

use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::list_partition_reassignments_request::ListPartitionReassignmentsTopics;
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, DescribeQuorumRequest, ListPartitionReassignmentsRequest,
    describe_quorum_request,
};

use super::conversation::converse;
use super::failures::leader;
use super::*;
use crate::fault::ReplicationLag;
use ResponseError::*;

fn reassign(
    topic: &str,
    partition: i32,
    replicas: Option<&[i32]>,
) -> AlterPartitionReassignmentsRequest {
    let replicas = replicas.map(|ids| ids.iter().copied().map(BrokerId).collect());
    let wanted = ReassignablePartition::default().with_partition_index(partition);
    let topic = ReassignableTopic::default()
        .with_name(name(topic))
        .with_partitions(vec![wanted.with_replicas(replicas)]);
    AlterPartitionReassignmentsRequest::default().with_topics(vec![topic])
}

fn code(world: &mut World, request: &AlterPartitionReassignmentsRequest) -> i16 {
    world.ask(1, 1, request).responses[0].partitions[0].error_code
}

/// Replicas, adding, removing of what is on the move.
fn moving(world: &mut World) -> Vec<[Vec<i32>; 3]> {
    let request = ListPartitionReassignmentsRequest::default().with_topics(None);
    let answer = world.ask(3, 0, &request);
    let partitions = answer.topics.into_iter().flat_map(|topic| topic.partitions);
    let ids = |ids: Vec<BrokerId>| ids.into_iter().map(|id| id.0).collect();
    partitions.map(|it| [it.replicas, it.adding_replicas, it.removing_replicas].map(ids)).collect()
}

/// A topic "t" of one partition on brokers 1 and 2 of four.
fn two_of_four() -> World {
    let config = ClusterConfig {
        brokers: 4,
        replication_factor: 2,
        min_insync_replicas: 1,
        ..ClusterConfig::default()
    };
    let mut world = World::new(config);
    world.cluster.create_topic("t", 1).unwrap();
    world
}

fn kept(world: &World) -> Vec<i32> {
    let topic = world.cluster.topics.named("t").unwrap();
    topic.partitions[0].replicas().iter().map(|replica| replica.broker).collect()
}

fn quorum(topic: &str) -> DescribeQuorumRequest {
    let partition = describe_quorum_request::PartitionData::default();
    let topic = describe_quorum_request::TopicData::default()
        .with_topic_name(name(topic))
        .with_partitions(vec![partition]);
    DescribeQuorumRequest::default().with_topics(vec![topic])
}

#[test]
fn reassignments_and_quorums_are_conversed_about() {
    converse(|_| reassign("t", 0, Some(&[2, 1])));
    converse(|_| reassign("t", 0, None));
    converse(|_| ListPartitionReassignmentsRequest::default().with_topics(None));
    converse(|_| quorum("__cluster_metadata"));
    converse(|_| quorum("t"));
}

#[test]
fn a_partition_moves_with_its_records_and_its_leader() {
    let mut world = two_of_four();
    world.produce(1, -1, sample(5, None, 40));
    let (waiting, _) = world.send(1, 12, &fetch_request(0, 5, 1, 5_000));
    assert_eq!(code(&mut world, &reassign("t", 0, Some(&[3, 4]))), 0);
    assert_eq!(leader(&world, 0), (Some(3), 1, vec![3, 4]));
    assert_eq!((kept(&world), moving(&mut world)), (vec![3, 4], vec![]));
    assert_eq!(bases(&world.fetch(3, 0, 0)), [0]);
    assert_eq!(world.produce_to(3, 0, -1, sample(1, None, 40)).base_offset, 5);
    let old = world.produce_to(1, 0, -1, sample(1, None, 40));
    assert_eq!(old.error_code, NotLeaderOrFollower.code());
    world.pass(Duration::from_millis(1));
    assert!(world.take(waiting).is_some(), "who waits at the old leader is told");
}

#[test]
fn those_removed_stay_until_those_added_have_caught_up() {
    let mut world = two_of_four();
    let lag = ReplicationLag::of(SECOND);
    world.cluster.set_lag(world.now, 3, lag, &mut world.late).unwrap();
    world.produce(1, -1, sample(5, None, 40));
    assert_eq!(code(&mut world, &reassign("t", 0, Some(&[3, 2]))), 0);
    assert_eq!(moving(&mut world), [[vec![3, 2, 1], vec![3], vec![1]]]);
    assert_eq!(leader(&world, 0), (Some(1), 0, vec![1, 2]));
    assert_eq!(world.produce(1, -1, sample(1, None, 40)).base_offset, 5, "nothing waits for it");
    world.pass(5 * SECOND);
    assert_eq!((moving(&mut world), kept(&world)), (vec![], vec![3, 2]));
    assert_eq!(leader(&world, 0), (Some(3), 1, vec![2, 3]));
    assert_eq!(bases(&world.fetch(3, 0, 0)), [0, 5]);
}

#[test]
fn a_move_to_a_dead_broker_waits_and_can_be_cancelled() {
    let mut world = two_of_four();
    world.cluster.crash(world.now, 4).unwrap();
    world.pass(SECOND);
    assert_eq!(code(&mut world, &reassign("t", 0, Some(&[4]))), 0);
    assert_eq!(moving(&mut world), [[vec![4, 1, 2], vec![4], vec![1, 2]]]);
    let smaller = reassign("t", 0, Some(&[4, 3])).with_allow_replication_factor_change(false);
    assert_eq!(code(&mut world, &smaller), InvalidReplicationFactor.code());
    assert_eq!(code(&mut world, &reassign("t", 0, None)), 0);
    assert!(moving(&mut world).is_empty());
    assert_eq!(leader(&world, 0), (Some(1), 1, vec![1, 2]));
    assert_eq!(code(&mut world, &reassign("t", 0, Some(&[4]))), 0);
    world.cluster.restart(world.now, 4, &mut world.late).unwrap();
    assert_eq!((leader(&world, 0), kept(&world)), ((Some(4), 2, vec![4]), vec![4]));
}

#[test]
fn a_broker_that_was_away_drops_what_moved_from_it() {
    let mut world = two_of_four();
    world.cluster.crash(world.now, 2).unwrap();
    world.pass(SECOND);
    assert_eq!(code(&mut world, &reassign("t", 0, Some(&[1, 3]))), 0);
    assert_eq!((kept(&world), moving(&mut world)), (vec![1, 3, 2], vec![]));
    world.cluster.restart(world.now, 2, &mut world.late).unwrap();
    assert_eq!((kept(&world), leader(&world, 0).2), (vec![1, 3], vec![1, 3]));
}

#[test]
fn bad_reassignments_are_refused() {
    let mut world = World::with_topic();
    let cases: &[(&str, i32, Option<&[i32]>, ResponseError)] = &[
        ("t", 0, Some(&[1, 1]), InvalidReplicaAssignment),
        ("t", 0, Some(&[9]), InvalidReplicaAssignment),
        ("t", 0, Some(&[]), InvalidReplicaAssignment),
        ("t", 7, Some(&[1]), UnknownTopicOrPartition),
        ("t", -1, Some(&[1]), UnknownTopicOrPartition),
        ("absent", 0, Some(&[1]), UnknownTopicOrPartition),
        ("t", 0, None, NoReassignmentInProgress),
    ];
    for &(topic, partition, replicas, expected) in cases {
        let refused = code(&mut world, &reassign(topic, partition, replicas));
        assert_eq!(refused, expected.code(), "{topic} {partition} {replicas:?}");
    }
    let topic = ListPartitionReassignmentsTopics::default()
        .with_name(name("t"))
        .with_partition_indexes(vec![0, 9, -1]);
    let request = ListPartitionReassignmentsRequest::default().with_topics(Some(vec![topic]));
    assert_eq!(world.ask(1, 0, &request).topics, []);
}

#[test]
fn the_quorum_knows_its_leader_and_who_is_there() {
    let mut world = World::with_topic();
    world.cluster.crash(world.now, 1).unwrap();
    world.pass(SECOND);
    let answer = world.ask(2, 2, &quorum("__cluster_metadata"));
    let state = &answer.topics[0].partitions[0];
    assert_eq!((state.error_code, state.leader_id, state.leader_epoch), (0, BrokerId(2), 2));
    let ends = state.current_voters.iter().map(|voter| (voter.replica_id.0, voter.log_end_offset));
    assert_eq!(ends.collect::<Vec<_>>(), [(1, -1), (2, 3), (3, 3)]);
    let names = answer.nodes.iter().map(|node| &*node.listeners[0].name);
    assert_eq!(names.collect::<Vec<_>>(), ["CONTROLLER"; 3]);
    let other = world.ask(2, 2, &quorum("t"));
    assert_eq!(other.topics[0].partitions[0].error_code, UnknownTopicOrPartition.code());
}
