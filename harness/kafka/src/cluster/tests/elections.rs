//! Elections that an administrator asks for.

use kafka_protocol::messages::ElectLeadersRequest;
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;

use super::conversation::converse;
use super::*;
use ResponseError::*;

const PREFERRED: i8 = 0;
const UNCLEAN: i8 = 1;

fn elect(election: i8, partitions: Option<&[i32]>) -> ElectLeadersRequest {
    let topics = partitions.map(|partitions| {
        vec![TopicPartitions::default().with_topic(name("t")).with_partitions(partitions.to_vec())]
    });
    ElectLeadersRequest::default().with_election_type(election).with_topic_partitions(topics)
}

fn ask(world: &mut World, election: i8, partitions: Option<&[i32]>) -> Vec<(i32, i16)> {
    let answer = world.ask(1, 2, &elect(election, partitions));
    let results = answer.replica_election_results.into_iter();
    let results = results.flat_map(|topic| topic.partition_result);
    results.map(|result| (result.partition_id, result.error_code)).collect()
}

fn leader(world: &World, partition: usize) -> Option<i32> {
    world.cluster.partitions("t").unwrap()[partition].leader
}

#[test]
fn elections_are_conversed_about() {
    converse(|version| elect(i8::from(version > 0), Some(&[0, 9])));
    converse(|_| elect(PREFERRED, None));
}

#[test]
fn the_preferred_replica_leads_again() {
    let mut world = World::with_topic();
    assert_eq!(ask(&mut world, PREFERRED, Some(&[0])), [(0, ElectionNotNeeded.code())]);
    assert_eq!(ask(&mut world, PREFERRED, Some(&[9])), [(9, UnknownTopicOrPartition.code())]);
    world.cluster.move_leader("t", 0, Some(2), &mut world.late).unwrap();
    assert_eq!(ask(&mut world, PREFERRED, None), [(0, 0)], "the others need none");
    assert_eq!(leader(&world, 0), Some(1));
    assert_eq!(world.produce(1, -1, sample(1, None, 40)).error_code, 0);
    assert_eq!(world.ask(1, 2, &elect(7, None)).error_code, InvalidRequest.code());
}

#[test]
fn a_preferred_replica_that_is_gone_does_not_lead() {
    let mut world = World::with_topic();
    world.cluster.crash(world.now, 2).unwrap();
    world.pass(SECOND);
    assert_eq!(ask(&mut world, PREFERRED, None), [(1, PreferredLeaderNotAvailable.code())]);
}

#[test]
fn an_unclean_election_is_for_partitions_without_a_leader() {
    let config = ClusterConfig { replication_factor: 2, ..ClusterConfig::default() };
    let mut world = World::new(config);
    world.cluster.create_topic("t", 3).unwrap();
    assert_eq!(ask(&mut world, UNCLEAN, Some(&[1])), [(1, ElectionNotNeeded.code())]);
    for broker in [3, 2] {
        world.cluster.crash(world.now, broker).unwrap();
        world.pass(SECOND);
    }
    let lost = (0..3).find(|&partition| leader(&world, partition).is_none());
    let lost = lost.expect("one had no replica on broker 1");
    let answer = ask(&mut world, UNCLEAN, Some(&[lost as i32]));
    assert_eq!(answer, [(lost as i32, EligibleLeadersNotAvailable.code())]);
}
