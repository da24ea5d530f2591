//! Crashes, elections, restarts, moves.

use kafka_protocol::messages::DeleteTopicsRequest;

use super::*;

pub(super) fn leader(world: &World, partition: usize) -> (Option<i32>, i32, Vec<i32>) {
    let view = world.cluster.partitions("t").unwrap().remove(partition);
    (view.leader, view.leader_epoch, view.isr)
}

#[test]
fn a_crash_is_noticed_after_the_detection_time_and_not_before() {
    let mut world = World::with_topic();
    world.produce(1, -1, sample(5, None, 0));
    assert_eq!(world.cluster.crash(world.now, 1).unwrap(), 1);
    world.pass(Duration::from_millis(499));
    assert_eq!(leader(&world, 0), (Some(1), 0, vec![1, 2, 3]), "stale as in Kafka");
    let refused = world.produce_to(2, 0, -1, sample(1, None, 0));
    assert_eq!(refused.error_code, ResponseError::NotLeaderOrFollower.code());
    world.pass(Duration::from_millis(1));
    assert_eq!(leader(&world, 0), (Some(2), 1, vec![2, 3]));
    assert_eq!(bases(&world.fetch(2, 0, 0)), [0], "nothing acknowledged is lost");
    let next = world.produce_to(2, 0, -1, sample(1, None, 0));
    assert_eq!((next.error_code, next.base_offset), (0, 5));
}

#[test]
fn a_dead_broker_answers_nothing() {
    let mut world = World::with_topic();
    let (parked, _) = world.send(1, 12, &fetch_request(0, 0, 1, 5_000));
    world.cluster.crash(world.now, 1).unwrap();
    let (_, answer) = world.send(1, 12, &fetch_request(0, 0, 0, 0));
    assert!(answer.is_none());
    world.pass(10 * SECOND);
    assert!(world.take(parked).is_none());
    assert!(world.cluster.fetches.is_empty());
}

#[test]
fn a_restarted_broker_is_in_sync_but_does_not_lead_again() {
    let mut world = World::with_topic();
    world.cluster.crash(world.now, 1).unwrap();
    world.pass(SECOND);
    world.produce_to(2, 0, -1, sample(5, None, 0));
    world.cluster.restart(world.now, 1, &mut world.late).unwrap();
    assert_eq!(leader(&world, 0), (Some(2), 1, vec![2, 3, 1]));
    world.cluster.move_leader("t", 0, Some(1), &mut world.late).unwrap();
    assert_eq!(bases(&world.fetch(1, 0, 0)), [0], "it has caught up");
}

#[test]
fn a_quick_restart_still_costs_the_leadership() {
    let mut world = World::with_topic();
    world.cluster.crash(world.now, 1).unwrap();
    world.pass(Duration::from_millis(100));
    world.cluster.restart(world.now, 1, &mut world.late).unwrap();
    assert_eq!(leader(&world, 0), (Some(2), 1, vec![2, 3, 1]));
    world.pass(SECOND);
    assert_eq!(leader(&world, 0), (Some(2), 1, vec![2, 3, 1]), "the old alarm is off");
}

#[test]
fn after_a_crash_of_all_the_last_leader_leads_when_nobody_else_is_eligible() {
    let mut world = World::with_topic();
    for broker in [2, 3, 1] {
        world.cluster.crash(world.now, broker).unwrap();
        world.pass(SECOND);
    }
    assert_eq!(leader(&world, 0), (Some(1), 0, vec![1]), "no controller is left to notice");
    world.cluster.restart(world.now, 2, &mut world.late).unwrap();
    world.pass(SECOND);
    assert_eq!(world.cluster.partitions("t").unwrap()[0].eligible_leaders, [1, 3]);
    assert_eq!(leader(&world, 0), (None, 1, vec![]), "it may miss records");
    world.cluster.restart(world.now, 1, &mut world.late).unwrap();
    assert_eq!(leader(&world, 0), (None, 1, vec![]), "3 may come back with all");
    world.cluster.restart(world.now, 3, &mut world.late).unwrap();
    assert_eq!(leader(&world, 0), (Some(1), 2, vec![1, 2, 3]), "3 crashed too");
}

#[test]
fn an_unclean_election_loses_what_the_new_leader_did_not_have() {
    let config = ClusterConfig { unclean_election: true, ..ClusterConfig::default() };
    let mut world = World::new(config);
    world.cluster.create_topic("t", 3).unwrap();
    world.produce(1, -1, sample(2, None, 0));
    world.cluster.crash(world.now, 2).unwrap();
    world.cluster.crash(world.now, 3).unwrap();
    world.pass(SECOND);
    world.produce(1, 1, sample(7, None, 0));
    world.cluster.crash(world.now, 1).unwrap();
    world.pass(Duration::from_millis(100));
    world.cluster.restart(world.now, 3, &mut world.late).unwrap();
    world.pass(SECOND);
    assert_eq!(leader(&world, 0), (Some(3), 1, vec![3]));
    let view = world.cluster.partitions("t").unwrap().remove(0);
    assert_eq!(view.high_watermark, 2);
}

#[test]
fn a_move_answers_who_waits_at_the_old_leader() {
    let mut world = World::with_topic();
    let mut request = fetch_request(0, 0, 1, 5_000);
    request.topics[0].partitions[0].current_leader_epoch = 0;
    let (parked, _) = world.send(1, 12, &request);
    world.cluster.move_leader("t", 0, None, &mut world.late).unwrap();
    let answer = read_answer::<FetchRequest>(world.take(parked).unwrap(), 12);
    assert_eq!(error(&answer), ResponseError::FencedLeaderEpoch.code());
    assert_eq!(answer.responses[0].partitions[0].current_leader.leader_id.0, 2);
    assert!(world.cluster.move_leader("t", 0, Some(2), &mut world.late).is_err());
    assert!(world.cluster.move_leader("t", 0, Some(9), &mut world.late).is_err());
    assert!(world.cluster.move_leader("t", 9, None, &mut world.late).is_err());
}

#[test]
fn an_unacknowledged_tail_is_cut_when_another_in_sync_replica_leads() {
    let mut world = World::with_topic();
    world.produce(1, -1, sample(2, None, 0));
    world.cluster.crash(world.now, 2).unwrap();
    world.cluster.crash(world.now, 3).unwrap();
    let waiting = world.produce_parked(1, -1, sample(7, None, 0));
    world.cluster.crash(world.now, 1).unwrap();
    world.cluster.restart(world.now, 2, &mut world.late).unwrap();
    world.pass(SECOND);
    assert!(world.take(waiting).is_none(), "never acknowledged");
    assert_eq!(leader(&world, 0), (None, 2, vec![]), "3 was elected, then found to be dead");
    world.cluster.restart(world.now, 3, &mut world.late).unwrap();
    assert_eq!(leader(&world, 0), (None, 2, vec![]), "1 may come back with more");
    world.cluster.restart(world.now, 1, &mut world.late).unwrap();
    assert_eq!(leader(&world, 0), (Some(3), 3, vec![3, 2, 1]));
    assert_eq!(world.cluster.partitions("t").unwrap()[0].high_watermark, 2);
    assert_eq!(world.produce_to(3, 0, 1, sample(1, None, 0)).base_offset, 2);
}

#[test]
fn who_returns_while_the_leader_is_dead_catches_up_after_the_election() {
    let mut world = World::with_topic();
    world.cluster.crash(world.now, 2).unwrap();
    world.pass(SECOND);
    world.cluster.crash(world.now, 1).unwrap();
    world.cluster.restart(world.now, 2, &mut world.late).unwrap();
    assert_eq!(leader(&world, 0), (Some(1), 0, vec![1, 3]));
    world.pass(SECOND);
    assert_eq!(leader(&world, 0), (Some(3), 1, vec![3, 2]));
}

#[test]
fn topics_spread_leaders_and_replicas_evenly() {
    let mut world = World::new(ClusterConfig::with_brokers(3));
    world.cluster.create_topic("t", 24).unwrap();
    let views = world.cluster.partitions("t").unwrap();
    for broker in 1..=3 {
        let led = views.iter().filter(|view| view.leader == Some(broker)).count();
        assert_eq!(led, 8);
    }
    let second: Vec<i32> = views.iter().step_by(3).map(|view| view.replicas[1]).collect();
    assert!(second.contains(&2) && second.contains(&3), "a dead leader's load is spread");
}

#[test]
fn who_waits_on_a_deleted_topic_is_told() {
    let mut world = World::with_topic();
    let (reading, _) = world.send(1, 12, &fetch_request(0, 0, 1, 5_000));
    world.cluster.crash(world.now, 2).unwrap();
    let writing = world.produce_parked(1, -1, sample(1, None, 0));
    let request = DeleteTopicsRequest::default().with_topic_names(vec![name("t")]);
    assert_eq!(world.ask(1, 1, &request).responses[0].error_code, 0);
    let unknown = ResponseError::UnknownTopicOrPartition.code();
    let answer = read_answer::<FetchRequest>(world.take(reading).unwrap(), 12);
    assert_eq!(error(&answer), unknown);
    let answer = read_answer::<ProduceRequest>(world.take(writing).unwrap(), 9);
    assert_eq!(answer.responses[0].partition_responses[0].error_code, unknown);
}
