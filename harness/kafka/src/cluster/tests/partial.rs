//! Brokers that are cut off, lose power, stop in order or have a bad disk, and controllers that
//! are gone.

use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::{CreateTopicsRequest, MetadataRequest};

use super::failures::leader;
use super::replication::replicas;
use super::*;
use crate::fault::{Defect, Disk, Isolation};

fn log_ends(world: &World) -> Vec<i64> {
    replicas(world).iter().map(|replica| replica.log_end).collect()
}

fn leader_told_by(world: &mut World, broker: i32) -> i32 {
    let answer = world.ask(broker, 9, &MetadataRequest::default().with_topics(None));
    answer.topics[0].partitions[0].leader_id.0
}

fn code(answer: Response) -> i16 {
    let Response::Produce(answer) = answer else { panic!("{answer:?}") };
    answer.responses[0].partition_responses[0].error_code
}

#[test]
fn a_zombie_leader_goes_on_until_it_hears_and_then_loses_what_only_it_has() {
    let mut world = World::with_topic();
    world.produce(1, -1, sample(2, None, 0));
    world.cluster.isolate(world.now, 1, Isolation::FromPeers).unwrap();
    world.pass(SECOND);
    assert_eq!(leader(&world, 0), (Some(2), 1, vec![2, 3]));
    assert_eq!((leader_told_by(&mut world, 1), leader_told_by(&mut world, 2)), (1, 2));
    assert_eq!(world.produce(1, 1, sample(3, None, 0)).base_offset, 2, "taken by the zombie");
    assert_eq!(world.produce_to(2, 0, -1, sample(4, None, 0)).base_offset, 2);
    assert_eq!(bases(&world.fetch(1, 0, 0)), [0], "nobody sees what only the zombie has");
    let waiting = world.produce_parked(1, -1, sample(1, None, 0));
    world.pass(2 * SECOND);
    let timed_out = world.take(waiting).map(code);
    assert_eq!(timed_out, Some(ResponseError::RequestTimedOut.code()));
    let waiting = world.produce_parked(1, -1, sample(1, None, 0));
    assert_eq!(log_ends(&world), [7, 6, 6]);
    world.cluster.heal(world.now, 1, &mut world.late).unwrap();
    assert_eq!(world.take(waiting).map(code), Some(ResponseError::NotLeaderOrFollower.code()));
    assert_eq!(leader(&world, 0), (Some(2), 1, vec![2, 3, 1]));
    assert_eq!((log_ends(&world), leader_told_by(&mut world, 1)), (vec![6, 6, 6], 2));
    assert!(replicas(&world).iter().all(|replica| replica.high_watermark == 6));
}

#[test]
fn a_zombie_that_is_not_fenced_keeps_its_tail_and_loses_what_others_promised() {
    let config =
        ClusterConfig { defect: Some(Defect::ZombieLeaderNotFenced), ..ClusterConfig::default() };
    let mut world = World::new(config);
    world.cluster.create_topic("t", 1).unwrap();
    world.cluster.isolate(world.now, 1, Isolation::FromPeers).unwrap();
    world.pass(SECOND);
    world.produce(1, 1, sample(3, None, 7));
    world.produce_to(2, 0, -1, sample(3, None, 8));
    world.cluster.heal(world.now, 1, &mut world.late).unwrap();
    assert_eq!(leader(&world, 0), (Some(2), 1, vec![2, 3, 1]), "in sync with another tail");
    world.cluster.move_leader("t", 0, Some(1), &mut world.late).unwrap();
    let read = world.fetch(1, 0, 0);
    let records = read.responses[0].partitions[0].records.clone().unwrap();
    assert_eq!(records.len(), sample(3, None, 7).len(), "what was promised is gone");
}

#[test]
fn an_isolation_that_ends_before_it_is_noticed_changes_nothing() {
    let mut world = World::with_topic();
    world.cluster.isolate(world.now, 1, Isolation::FromPeers).unwrap();
    assert!(world.cluster.isolate(world.now, 1, Isolation::FromPeers).is_err());
    let waiting = world.produce_parked(1, -1, sample(3, None, 0));
    world.pass(Duration::from_millis(400));
    world.cluster.heal(world.now, 1, &mut world.late).unwrap();
    assert_eq!(world.take(waiting).map(code), Some(0));
    world.pass(SECOND);
    assert_eq!(leader(&world, 0), (Some(1), 0, vec![1, 2, 3]));
    assert!(world.cluster.heal(world.now, 1, &mut world.late).is_err());
}

#[test]
fn a_leader_without_clients_stays_leader() {
    let mut world = World::with_topic();
    let (parked, _) = world.send(1, 12, &fetch_request(0, 0, 1, 5_000));
    world.cluster.isolate(world.now, 1, Isolation::FromClients).unwrap();
    assert!(!world.cluster.listens(1));
    assert!(world.send(1, 12, &fetch_request(0, 0, 0, 0)).1.is_none());
    world.pass(10 * SECOND);
    assert!(world.take(parked).is_none());
    assert_eq!(leader(&world, 0), (Some(1), 0, vec![1, 2, 3]));
    world.cluster.heal(world.now, 1, &mut world.late).unwrap();
    assert_eq!(world.produce(1, -1, sample(1, None, 0)).error_code, 0);
}

#[test]
fn a_power_loss_takes_what_was_not_flushed() {
    let config = ClusterConfig { flush_interval: 10 * SECOND, ..ClusterConfig::default() };
    let mut world = World::new(config);
    world.cluster.create_topic("t", 1).unwrap();
    world.produce(1, -1, sample(5, None, 0));
    world.pass(6 * SECOND);
    world.produce(1, -1, sample(3, None, 0));
    world.pass(4 * SECOND);
    assert_eq!(replicas(&world)[0].durable_end, 5);
    world.cluster.lose_power(world.now, 1).unwrap();
    assert_eq!(log_ends(&world), [5, 8, 8]);
    world.pass(SECOND);
    world.cluster.restart(world.now, 1, &mut world.late).unwrap();
    assert_eq!(log_ends(&world), [8, 8, 8], "the others had it");
}

#[test]
fn a_power_loss_everywhere_loses_even_what_all_acknowledged() {
    let config = ClusterConfig { flush_messages: 4, ..ClusterConfig::default() };
    let mut world = World::new(config);
    world.cluster.create_topic("t", 1).unwrap();
    world.produce(1, -1, sample(4, None, 0));
    world.produce(1, -1, sample(3, None, 0));
    for broker in 1..=3 {
        world.cluster.lose_power(world.now, broker).unwrap();
    }
    for broker in 1..=3 {
        world.cluster.restart(world.now, broker, &mut world.late).unwrap();
    }
    world.pass(2 * SECOND);
    assert_eq!(log_ends(&world), [4, 4, 4]);
    let leader = leader(&world, 0).0.unwrap();
    assert_eq!(world.produce_to(leader, 0, 1, sample(1, None, 0)).base_offset, 4);
}

#[test]
fn an_orderly_stop_moves_leaderships_first_and_keeps_the_claims() {
    let config = ClusterConfig { flush_interval: 60 * SECOND, ..ClusterConfig::default() };
    let mut world = World::new(config);
    world.cluster.create_topic("t", 1).unwrap();
    world.produce(1, -1, sample(5, None, 0));
    let (parked, _) = world.send(1, 12, &fetch_request(0, 5, 1, 5_000));
    let left = world.cluster.shut_down(world.now, 1, &mut world.late).unwrap();
    assert_eq!((left, leader(&world, 0)), (0, (Some(2), 1, vec![2, 3])), "at once");
    assert!(world.take(parked).is_some(), "told before the end");
    assert_eq!(world.produce_to(2, 0, -1, sample(1, None, 0)).error_code, 0);
    for broker in [2, 3] {
        world.cluster.shut_down(world.now, broker, &mut world.late).unwrap();
    }
    assert_eq!(leader(&world, 0), (None, 3, vec![]));
    world.cluster.restart(world.now, 3, &mut world.late).unwrap();
    assert_eq!(leader(&world, 0), (Some(3), 4, vec![3]), "its logs are whole");
    assert_eq!(bases(&world.fetch(3, 0, 0)), [0, 5]);
}

#[test]
fn without_a_controller_nothing_is_decided() {
    let failover = 3 * SECOND;
    let mut world = World::with_topic();
    assert_eq!(world.cluster.crash_controller(world.now, failover), Some(1));
    assert_eq!(world.cluster.crash_controller(world.now, failover), None);
    world.cluster.crash(world.now, 2).unwrap();
    world.pass(2 * SECOND);
    assert_eq!(leader(&world, 1), (Some(2), 0, vec![2, 3, 1]), "nobody is elected");
    let topic = CreatableTopic::default().with_name(name("new")).with_num_partitions(1);
    let topic = topic.with_replication_factor(1);
    let request = CreateTopicsRequest::default().with_topics(vec![topic]);
    let (waiting, answer) = world.send(3, 5, &request);
    assert!(answer.is_none(), "metadata does not change");
    world.pass(SECOND);
    assert!(world.take(waiting).is_some());
    assert_eq!(leader(&world, 1).0, Some(2), "the new controller waits for 2");
    world.pass(Duration::from_millis(500));
    assert_eq!(leader(&world, 1), (Some(3), 1, vec![3, 1]));
}

#[test]
fn a_broker_takes_the_controller_with_it() {
    let config = ClusterConfig { controller_failover: 2 * SECOND, ..ClusterConfig::default() };
    let mut world = World::new(config);
    world.cluster.create_topic("t", 3).unwrap();
    world.cluster.crash(world.now, 1).unwrap();
    assert_eq!(world.cluster.controller(), None);
    world.pass(SECOND);
    world.cluster.restart(world.now, 1, &mut world.late).unwrap();
    assert!(world.send(1, 12, &fetch_request(0, 0, 0, 0)).1.is_none(), "not registered yet");
    world.pass(SECOND);
    assert_eq!(world.cluster.controller(), Some(1));
    assert_eq!(leader(&world, 0), (Some(2), 1, vec![2, 3, 1]), "a new process was noticed");
}

#[test]
fn a_full_disk_takes_the_log_directory_offline() {
    let mut world = World::with_topic();
    let (reading, _) = world.send(1, 12, &fetch_request(0, 0, 1, 5_000));
    world.cluster.set_disk(world.now, 1, Disk::Full, &mut world.late).unwrap();
    assert_eq!(leader(&world, 0).0, Some(1), "before the first append");
    let storage = ResponseError::KafkaStorageError.code();
    assert_eq!(world.produce(1, 1, sample(1, None, 0)).error_code, storage);
    assert_eq!(leader(&world, 0), (Some(2), 1, vec![2, 3]));
    assert_eq!(error(&world.fetch(1, 0, 0)), storage);
    let answer = read_answer::<FetchRequest>(world.take(reading).unwrap(), 12);
    assert_eq!(error(&answer), storage);
    assert_eq!(world.produce_to(2, 0, -1, sample(3, None, 0)).error_code, 0);
    world.cluster.set_disk(world.now, 1, Disk::Normal, &mut world.late).unwrap();
    assert_eq!(world.produce(1, 1, sample(1, None, 0)).error_code, storage, "until it restarts");
    world.cluster.crash(world.now, 1).unwrap();
    world.cluster.restart(world.now, 1, &mut world.late).unwrap();
    assert_eq!(leader(&world, 0).2, [2, 3, 1]);
}

#[test]
fn a_followers_full_disk_costs_it_its_place_in_sync() {
    let mut world = World::with_topic();
    world.cluster.set_disk(world.now, 2, Disk::Full, &mut world.late).unwrap();
    let waiting = world.produce_parked(1, -1, sample(1, None, 0));
    world.pass(Duration::ZERO);
    assert_eq!(world.take(waiting).map(code), Some(0));
    assert_eq!(leader(&world, 0), (Some(1), 0, vec![1, 3]));
}

#[test]
fn a_slow_disk_acknowledges_late() {
    let mut world = World::with_topic();
    let slow = Disk::Slow { delay: SECOND };
    world.cluster.set_disk(world.now, 1, slow, &mut world.late).unwrap();
    let leads = world.produce_parked(1, 1, sample(1, None, 0));
    let follows = world.produce_parked(2, -1, sample(1, None, 0));
    world.pass(SECOND - Duration::from_millis(1));
    assert!(world.take(leads).is_none() && world.take(follows).is_none());
    world.pass(Duration::from_millis(1));
    assert_eq!(world.take(leads).map(code), Some(0));
    assert_eq!(world.take(follows).map(code), Some(0));
}

#[test]
fn a_broker_that_is_cut_off_does_not_know_what_is_created_meanwhile() {
    let mut world = World::new(ClusterConfig::default());
    world.cluster.isolate(world.now, 1, Isolation::FromPeers).unwrap();
    world.cluster.create_topic("t", 3).unwrap();
    let unknown = ResponseError::UnknownTopicOrPartition.code();
    assert_eq!(world.produce_to(1, 0, 1, sample(1, None, 0)).error_code, unknown);
    assert_eq!(error(&world.fetch(1, 0, 0)), unknown);
    let told = world.ask(1, 9, &MetadataRequest::default().with_topics(None));
    assert!(told.topics.is_empty());
    world.cluster.heal(world.now, 1, &mut world.late).unwrap();
    assert_eq!(leader_told_by(&mut world, 1), leader_told_by(&mut world, 2));
}

#[test]
fn requests_of_a_stalled_api_wait() {
    let mut cluster = crate::Simulation::new(ClusterConfig::with_brokers(1));
    let connection = cluster.connect(1).unwrap();
    cluster.stall_requests(1, 18, SECOND, &[]).unwrap();
    assert!(cluster.stall_requests(1, 999, SECOND, &[]).is_err());
    let api_versions = [0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff];
    cluster.send(connection, &api_versions);
    cluster.advance(SECOND - Duration::from_millis(1));
    assert!(cluster.receive(connection).is_none());
    cluster.advance(SECOND);
    assert_eq!(cluster.receive(connection).unwrap()[..4], [0, 0, 0, 7]);
    cluster.send(connection, &api_versions);
    assert!(cluster.receive(connection).is_some());
}
