//! What consumers see.

use super::*;

#[test]
fn a_parked_fetch_is_answered_when_data_arrives() {
    let mut world = World::with_topic();
    let (ticket, answer) = world.send(1, 12, &fetch_request(0, 0, 1, 5_000));
    assert!(answer.is_none());
    world.produce(2, 1, sample(1, None, 0));
    assert!(world.take(ticket).is_none(), "another partition's data wakes nobody");
    world.produce(1, 1, sample(1, None, 0));
    let answer = read_answer::<FetchRequest>(world.take(ticket).unwrap(), 12);
    assert_eq!(bases(&answer), [0]);
    assert!(world.cluster.fetches.is_empty());
    assert_eq!(world.cluster.timers.len(), 2, "only what runs for ever is left");
}

#[test]
fn a_parked_fetch_waits_for_its_bytes_or_its_time() {
    let mut world = World::with_topic();
    let (filled, _) = world.send(1, 12, &fetch_request(0, 0, 250, 5_000));
    let (timed, _) = world.send(1, 12, &fetch_request(0, 0, 100_000, 300));
    world.produce(1, 1, sample(1, None, 39));
    world.produce(1, 1, sample(1, None, 39));
    assert!(world.take(filled).is_none(), "200 bytes are not 250");
    world.produce(1, 1, sample(1, None, 39));
    let answer = read_answer::<FetchRequest>(world.take(filled).unwrap(), 12);
    assert_eq!(bases(&answer), [0, 1, 2]);
    world.pass(Duration::from_millis(299));
    assert!(world.take(timed).is_none());
    world.pass(Duration::from_millis(1));
    let answer = read_answer::<FetchRequest>(world.take(timed).unwrap(), 12);
    assert_eq!(bases(&answer), [0, 1, 2]);
}

#[test]
fn offsets_outside_the_log_are_out_of_range() {
    let mut world = World::with_topic();
    (0..4).for_each(|_| drop(world.produce(1, 1, sample(10, None, 0))));
    world.cluster.delete_before("t", 0, 15).unwrap();
    let out_of_range = ResponseError::OffsetOutOfRange.code();
    assert_eq!(error(&world.fetch(1, 0, 14)), out_of_range);
    assert_eq!(error(&world.fetch(1, 0, 41)), out_of_range);
    assert_eq!(error(&world.fetch(1, 0, 40)), 0);
    let read = world.fetch(1, 0, 15);
    assert_eq!((error(&read), bases(&read)), (0, vec![10, 20, 30]));
    assert_eq!(read.responses[0].partitions[0].log_start_offset, 15);
    assert!(world.cluster.delete_before("t", 0, 41).is_err());
    assert_eq!(world.cluster.delete_before("t", 0, -1).unwrap(), 40);
}

#[test]
fn retention_drops_by_bytes_at_once_and_by_time_within_a_second() {
    let config = ClusterConfig {
        retention_bytes: 1_000,
        retention: 10 * SECOND,
        ..ClusterConfig::default()
    };
    let mut world = World::new(config);
    world.cluster.create_topic("t", 3).unwrap();
    (0..30).for_each(|_| drop(world.produce(1, 1, sample(1, None, 39))));
    let view = &world.cluster.partitions("t").unwrap()[0];
    assert_eq!((view.log_start, view.high_watermark, view.bytes), (20, 30, 1_000));
    world.pass(10 * SECOND);
    assert_eq!(world.cluster.partitions("t").unwrap()[0].bytes, 1_000);
    world.pass(SECOND);
    let view = &world.cluster.partitions("t").unwrap()[0];
    assert_eq!((view.log_start, view.bytes), (30, 0));
}

#[test]
fn epochs_are_held_against_the_clients() {
    let mut world = World::with_topic();
    world.produce(1, 1, sample(1, None, 0));
    let moved = world.cluster.move_leader("t", 0, Some(2), &mut world.late).unwrap();
    assert_eq!((moved.from, moved.to, moved.epoch), (Some(1), 2, 1));
    let mut with_epoch = |broker: i32, epoch: i32| {
        let mut request = fetch_request(0, 0, 0, 0);
        request.topics[0].partitions[0].current_leader_epoch = epoch;
        let answer = world.ask(broker, 12, &request);
        (error(&answer), answer.responses[0].partitions[0].current_leader.leader_id.0)
    };
    assert_eq!(with_epoch(1, 0), (ResponseError::FencedLeaderEpoch.code(), 2));
    assert_eq!(with_epoch(2, 2), (ResponseError::UnknownLeaderEpoch.code(), -1));
    assert_eq!(with_epoch(1, 1), (0, -1), "a follower serves who knows of it (KIP-392)");
    assert_eq!(with_epoch(2, 1), (0, -1));
}

#[test]
fn one_answer_keeps_to_its_bytes_over_all_partitions() {
    let mut world = World::with_topic();
    for _ in 0..10 {
        world.produce_to(1, 0, 1, sample(1, None, 939));
    }
    let mut request = fetch_request(0, 0, 0, 0);
    request.max_bytes = 3_500;
    let answer = world.ask(1, 12, &request);
    assert_eq!(bases(&answer), [0, 1, 2]);
    let records = answer.responses[0].partitions[0].records.clone().unwrap();
    assert_eq!(records.len(), 3_500, "with the beginning of the fourth");
    assert_eq!((&records[3_000..]).get_i64(), 3);
    request.max_bytes = 10;
    assert_eq!(bases(&world.ask(1, 12, &request)), [0], "one batch at least");
}

#[test]
fn who_is_no_replica_reads_nothing_as_one() {
    let mut world = World::with_topic();
    let request = fetch_request(0, 0, 0, 0);
    let stranger = ResponseError::NotLeaderOrFollower.code();
    for (replica, expected) in [(77, stranger), (-2, 0)] {
        let old = request.clone().with_replica_id(BrokerId(replica));
        assert_eq!(error(&world.ask(1, 12, &old)), expected);
        let mut tagged = request.clone().with_replica_id(BrokerId(-1));
        tagged.replica_state.replica_id = BrokerId(replica);
        tagged.topics[0].topic_id = world.cluster.topics.named("t").unwrap().id;
        tagged.topics[0].topic = TopicName::default();
        assert_eq!(error(&world.ask(1, 15, &tagged)), expected);
    }
}

#[test]
fn what_is_unknown_has_an_empty_list_of_aborted_transactions() {
    let mut world = World::with_topic();
    let mut aborted = |partition, offset| {
        let answer = world.fetch(1, partition, offset);
        answer.responses[0].partitions[0].aborted_transactions.as_ref().map(Vec::len)
    };
    assert_eq!(aborted(9, 0), Some(0));
    assert_eq!(aborted(0, 5), None, "out of range");
}

#[test]
fn a_follower_serves_what_it_knows_to_be_committed() {
    use crate::fault::ReplicationLag;
    let replication_lag = ReplicationLag::of(SECOND);
    let mut world = World::new(ClusterConfig { replication_lag, ..ClusterConfig::default() });
    world.cluster.create_topic("t", 3).unwrap();
    world.produce(1, 1, sample(4, None, 0));
    let (parked, _) = world.send(2, 12, &fetch_request(0, 0, 1, 9_000));
    world.pass(SECOND);
    assert!(world.take(parked).is_none(), "it has the records and has not heard of their commit");
    world.pass(SECOND);
    let answer = read_answer::<FetchRequest>(world.take(parked).unwrap(), 12);
    assert_eq!(bases(&answer), [0]);
}

#[test]
fn a_reader_of_a_lost_tail_is_told_where_its_log_leaves() {
    let mut world = World::with_topic();
    world.produce(1, -1, sample(2, None, 0));
    world.cluster.move_leader("t", 0, Some(2), &mut world.late).unwrap();
    world.produce_to(2, 0, -1, sample(2, None, 0));
    let mut request = fetch_request(0, 4, 1, 5_000);
    let wanted = &mut request.topics[0].partitions[0];
    (wanted.last_fetched_epoch, wanted.current_leader_epoch) = (0, 1);
    let answer = world.ask(2, 12, &request);
    let read = &answer.responses[0].partitions[0];
    assert_eq!((read.error_code, read.records.as_ref().map_or(0, Bytes::len)), (0, 0));
    assert_eq!((read.diverging_epoch.epoch, read.diverging_epoch.end_offset), (0, 2));
    request.topics[0].partitions[0].last_fetched_epoch = 7;
    let unknown = ResponseError::OffsetOutOfRange.code();
    let answer = world.ask(2, 12, &request);
    assert_eq!(error(&answer), unknown);
    assert_eq!(answer.responses[0].partitions[0].high_watermark, -1);
}
