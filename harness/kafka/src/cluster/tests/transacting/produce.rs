//! Which batches are let into a transaction.

use kafka_protocol::ResponseError::{
    ConcurrentTransactions, InvalidProducerEpoch, InvalidProducerIdMapping, InvalidTxnState,
    NotEnoughReplicas, OutOfOrderSequenceNumber, ProducerFenced, TransactionAbortable,
    TransactionalIdAuthorizationFailed,
};

use super::*;

#[test]
fn older_clients_must_have_added_the_partition() {
    let mut world = World::with_topic();
    let me = world.init().unwrap();
    assert_eq!(world.write(10, me, 0, 0).1, Some(InvalidTxnState.code()));
    assert_eq!(world.write(11, me, 0, 0).1, Some(TransactionAbortable.code()));
    assert_eq!(world.add(me, 0), 0);
    assert_eq!(world.write(10, me, 0, 0).1, Some(0));
    assert_eq!(world.write(10, me, 1, 0).1, Some(InvalidTxnState.code()));
    world.end_in(3, me, true).unwrap();
    assert_eq!(world.write(10, me, 0, 2).1, Some(InvalidTxnState.code()), "it has ended");
    assert_eq!(world.add(me, 0), 0);
    assert_eq!(world.write(10, me, 0, 2).1, Some(0), "the epoch and the sequence go on");
    assert_eq!(world.add(me, 9), ResponseError::UnknownTopicOrPartition.code());
}

#[test]
fn a_zombie_is_refused_by_coordinator_and_leaders() {
    let mut world = World::with_topic();
    let zombie = world.init().unwrap();
    world.write(12, zombie, 0, 0);
    assert_eq!(world.init(), Err(ConcurrentTransactions.code()));
    let me = world.init().unwrap();
    assert_eq!((zombie.epoch, me.epoch), (0, 2));
    assert_eq!(world.write(12, zombie, 0, 2).1, Some(InvalidProducerEpoch.code()));
    assert_eq!(world.write(12, zombie, 1, 0).1, Some(InvalidProducerEpoch.code()), "a new one");
    assert_eq!(world.write(9, zombie, 1, 0).1, Some(InvalidProducerEpoch.code()));
    assert_eq!(world.end(zombie, true), Err(ProducerFenced.code()));
    assert_eq!(world.end_in(1, zombie, true), Err(InvalidProducerEpoch.code()), "in old words");
    assert_eq!(world.add(zombie, 0), ProducerFenced.code());
    assert_eq!(world.write(12, me, 0, 0).1, Some(0));
}

#[test]
fn an_id_is_needed_and_it_must_be_the_producers() {
    let mut world = World::with_topic();
    let me = world.init().unwrap();
    let request = produce_request(0, -1, transactional(1, (me.id, me.epoch, 0)));
    let answer = world.ask(1, 12, &request);
    let code = answer.responses[0].partition_responses[0].error_code;
    assert_eq!(code, TransactionalIdAuthorizationFailed.code());
    let other = Me { id: 77, ..me };
    assert_eq!(world.write(12, other, 0, 0).1, Some(InvalidProducerIdMapping.code()));
    let mut request = produce_request(0, -1, transactional(1, (me.id, me.epoch, 0)));
    let second = produce_request(1, -1, transactional(1, (77, 0, 0)));
    request.topic_data.extend(second.topic_data);
    request.transactional_id = Some(x());
    let answer = world.ask(1, 12, &request);
    let code = answer.responses[0].partition_responses[0].error_code;
    assert_eq!(code, InvalidProducerIdMapping.code(), "one request, one producer");
}

#[test]
fn plain_records_in_a_transaction_are_refused() {
    let mut world = World::with_topic();
    let me = world.init().unwrap();
    world.write(12, me, 0, 0);
    let plain = world.produce(1, -1, sample(1, Some((me.id, me.epoch, 2)), 5));
    assert_eq!(plain.error_code, InvalidTxnState.code());
}

/// A transaction that cannot be completed: the leader of partition 1 is down.
fn held_up() -> (World, Me) {
    let mut world = World::with_topic();
    let me = world.init().unwrap();
    let away = world.coordinator() % 3 + 1;
    let here = (0..3).find(|partition| partition + 1 != away).unwrap();
    assert_eq!(world.write(12, me, here, 0).1, Some(0));
    assert_eq!(world.write(12, me, away - 1, 0).1, Some(0));
    world.cluster.crash(world.now, away).unwrap();
    let me = world.end(me, true).unwrap();
    (world, me)
}

#[test]
fn the_next_transaction_waits_a_little_for_the_last() {
    let (mut world, me) = held_up();
    let coordinator = world.coordinator();
    let partition = coordinator - 1;
    let (ticket, answer) = world.write(12, me, partition, 0);
    assert_eq!(answer, None);
    world.pass(Duration::from_millis(99));
    assert!(world.take(ticket).is_none());
    world.pass(Duration::from_millis(1));
    let answer = read_answer::<ProduceRequest>(world.take(ticket).unwrap(), 12);
    let code = answer.responses[0].partition_responses[0].error_code;
    assert_eq!(code, ConcurrentTransactions.code());
    assert_eq!(world.add(me, 0), ConcurrentTransactions.code());
    assert_eq!(world.write(11, me, partition, 0).1, Some(NotEnoughReplicas.code()));

    world.pass(Duration::from_millis(350));
    let (first, answer) = world.write(12, me, partition, 0);
    let (second, _) = world.write(12, me, partition, 2);
    assert_eq!((answer, world.state()), (None, TransactionState::PrepareCommit));
    world.pass(Duration::from_millis(100));
    assert_eq!(world.state(), Ongoing, "the last was completed and the next has begun");
    for ticket in [first, second] {
        let answer = read_answer::<ProduceRequest>(world.take(ticket).unwrap(), 12);
        assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
    }
}

#[test]
fn a_batch_does_not_overtake_one_that_was_refused() {
    let (mut world, me) = held_up();
    let partition = world.coordinator() - 1;
    let (ticket, _) = world.write(12, me, partition, 0);
    world.pass(Duration::from_millis(100));
    assert!(world.take(ticket).is_some(), "refused");
    world.pass(SECOND);
    assert_eq!(world.state(), CompleteCommit);
    assert_eq!(world.write(12, me, partition, 2).1, Some(OutOfOrderSequenceNumber.code()));
    assert_eq!(world.write(12, me, partition, 0).1, Some(0));
    assert_eq!(world.write(12, me, partition, 2).1, Some(0));
}
