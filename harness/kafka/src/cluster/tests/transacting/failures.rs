//! Transactions when brokers come and go.

use super::*;

#[test]
fn markers_reach_a_partition_whose_leader_was_down() {
    let mut world = World::with_topic();
    let me = world.init().unwrap();
    let away = world.coordinator() % 3 + 1;
    assert_eq!(world.write(12, me, away - 1, 0).1, Some(0));
    world.cluster.crash(world.now, away).unwrap();
    world.end(me, true).unwrap();
    assert_eq!(world.state(), TransactionState::PrepareCommit);
    assert_eq!(world.transaction().partitions, [("t".to_owned(), away - 1)]);
    world.pass(SECOND);
    assert_eq!(world.state(), CompleteCommit);
    let view = world.cluster.partitions("t").unwrap().remove(away as usize - 1);
    assert_eq!((view.last_stable, view.high_watermark), (3, 3));
}

#[test]
fn the_next_coordinator_knows_all_and_finishes_what_was_begun() {
    let mut world = World::with_topic();
    let me = world.init().unwrap();
    let coordinator = world.coordinator();
    assert_eq!(world.write(12, me, coordinator - 1, 0).1, Some(0));
    let here = coordinator % 3;
    assert_eq!(world.write(12, me, here, 0).1, Some(0));
    world.cluster.crash(world.now, coordinator).unwrap();
    let (ticket, answer) = world.write(12, me, here, 2);
    assert_eq!(answer, None, "the crash is not noticed");
    world.pass(SECOND);
    let answer = read_answer::<ProduceRequest>(world.take(ticket).unwrap(), 12);
    let code = answer.responses[0].partition_responses[0].error_code;
    assert_eq!(code, 0, "a transaction that the leader knows needs no coordinator");
    assert_ne!(world.coordinator(), coordinator);
    let wrong = (1..=3).find(|&id| id != world.coordinator() && id != coordinator).unwrap();
    let request = EndTxnRequest::default().with_transactional_id(x());
    let refused = world.ask(wrong, 5, &request).error_code;
    assert_eq!(refused, ResponseError::NotCoordinator.code());
    world.end(me, true).unwrap();
    assert_eq!(world.state(), CompleteCommit);
    let views = world.cluster.partitions("t").unwrap();
    assert!(views.iter().all(|view| view.last_stable == view.high_watermark));
    let topic = TopicRequest::default().with_name(name("t")).with_partition_indexes(vec![here]);
    let request = DescribeProducersRequest::default().with_topics(vec![topic]);
    let known = world.ask(here + 1, 0, &request);
    let epoch = known.topics[0].partitions[0].active_producers[0].coordinator_epoch;
    assert_eq!(epoch, 1, "the marker tells which coordinator wrote it");
}

#[test]
fn a_coordinator_that_dies_in_between_is_succeeded() {
    let mut world = World::with_topic();
    let me = world.init().unwrap();
    let coordinator = world.coordinator();
    let away = coordinator % 3 + 1;
    assert_eq!(world.write(12, me, away - 1, 0).1, Some(0));
    world.cluster.crash(world.now, away).unwrap();
    world.end(me, false).unwrap();
    world.cluster.crash(world.now, coordinator).unwrap();
    world.pass(Duration::from_millis(400));
    assert_eq!(world.state(), TransactionState::PrepareAbort);
    world.pass(SECOND);
    assert_eq!(world.state(), TransactionState::PrepareAbort, "one of three is not in sync");
    let mut answers = Vec::new();
    world.cluster.restart(world.now, coordinator, &mut answers).unwrap();
    world.pass(SECOND);
    assert_eq!(world.state(), CompleteAbort);
}

#[test]
fn a_deleted_topic_does_not_hold_a_transaction_up() {
    let mut world = World::with_topic();
    let me = world.init().unwrap();
    world.write(12, me, 0, 0);
    let request = DeleteTopicsRequest::default().with_topic_names(vec![name("t")]);
    world.ask(1, 5, &request);
    world.end(me, true).unwrap();
    assert_eq!(world.state(), CompleteCommit);
}

#[test]
fn an_administrator_ends_a_transaction_that_hangs() {
    let mut world = World::with_topic();
    let me = world.init().unwrap();
    world.write(12, me, 0, 0);
    let marker = |coordinator_epoch: i32, producer_epoch: i16| {
        let topic = WritableTxnMarkerTopic::default().with_name(name("t"));
        let marker = WritableTxnMarker::default()
            .with_producer_id(ProducerId(me.id))
            .with_producer_epoch(producer_epoch)
            .with_coordinator_epoch(coordinator_epoch)
            .with_topics(vec![topic.with_partition_indexes(vec![0])]);
        WriteTxnMarkersRequest::default().with_markers(vec![marker])
    };
    let code =
        |answer: WriteTxnMarkersResponse| answer.markers[0].topics[0].partitions[0].error_code;
    assert_eq!(code(world.ask(1, 1, &marker(5, me.epoch))), 0);
    assert_eq!(world.read_committed(1), (vec![0, 2], vec![(me.id, 0)]));
    let older = code(world.ask(1, 1, &marker(4, me.epoch)));
    assert_eq!(older, ResponseError::TransactionCoordinatorFenced.code());
    let older = code(world.ask(1, 1, &marker(5, -1)));
    assert_eq!(older, ResponseError::InvalidProducerEpoch.code());
    let elsewhere = code(world.ask(2, 1, &marker(5, me.epoch)));
    assert_eq!(elsewhere, ResponseError::NotLeaderOrFollower.code());
}

#[test]
fn markers_asked_for_wait_for_the_replicas_in_sync() {
    let mut world = World::with_topic();
    world.cluster.crash(world.now, 3).unwrap();
    let topic = WritableTxnMarkerTopic::default().with_name(name("t"));
    let marker = WritableTxnMarker::default().with_producer_id(ProducerId(4));
    let marker = marker.with_topics(vec![topic.with_partition_indexes(vec![0])]);
    let request = WriteTxnMarkersRequest::default().with_markers(vec![marker]);
    let (ticket, answer) = world.send(1, 1, &request);
    assert!(answer.is_none(), "broker 3 is not known to be gone");
    world.pass(SECOND);
    let answer = read_answer::<WriteTxnMarkersRequest>(world.take(ticket).unwrap(), 1);
    assert_eq!(answer.markers[0].topics[0].partitions[0].error_code, 0);
}
