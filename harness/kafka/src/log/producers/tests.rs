use kafka_protocol::ResponseError::{InvalidProducerEpoch, InvalidTxnState};
use kafka_protocol::ResponseError::{OutOfOrderSequenceNumber, TransactionCoordinatorFenced};

use super::super::batch::tests::{sample, transactional};
use super::super::verification::Verification;
use super::*;

fn batch(epoch: i16, sequence: i32, count: i32) -> Batch {
    Batch::split(sample(count, Some((9, epoch, sequence)), 0), 1 << 20).unwrap().remove(0)
}

fn in_transaction(epoch: i16, sequence: i32) -> Batch {
    Batch::split(transactional(1, (9, epoch, sequence)), 1 << 20).unwrap().remove(0)
}

fn marker(epoch: i16, coordinator_epoch: i32) -> Batch {
    Batch::control((9, epoch), Marker { commit: true, coordinator_epoch }, 0)
}

fn check(producers: &Producers, batch: &Batch) -> Result<Sequence, ResponseError> {
    producers.check(batch, None)
}

/// Remembers a batch at an offset.
fn at(producers: &mut Producers, mut batch: Batch, offset: i64) -> Option<Change> {
    batch.base_offset = offset;
    producers.remember(&batch)
}

#[test]
fn the_last_five_batches_are_known_again() {
    let mut producers = Producers::default();
    for index in 0..7 {
        let next = batch(0, index * 10, 10);
        assert_eq!(check(&producers, &next), Ok(Sequence::Next));
        at(&mut producers, next, i64::from(index) * 10);
    }
    for index in 2..7i64 {
        let again = check(&producers, &batch(0, index as i32 * 10, 10));
        let (first, last) = (index * 10, index * 10 + 9);
        assert_eq!(again, Ok(Sequence::Duplicate { first, last, timestamp_ms: 2_000 }));
    }
    let gone = check(&producers, &batch(0, 10, 10));
    assert_eq!(gone, Err(OutOfOrderSequenceNumber));
}

#[test]
fn gaps_and_old_epochs_are_refused() {
    let mut producers = Producers::default();
    at(&mut producers, batch(3, 0, 10), 0);
    assert_eq!(check(&producers, &batch(3, 11, 1)), Err(OutOfOrderSequenceNumber));
    assert_eq!(check(&producers, &batch(2, 10, 1)), Err(InvalidProducerEpoch));
    assert_eq!(check(&producers, &batch(4, 10, 1)), Err(OutOfOrderSequenceNumber));
    assert_eq!(check(&producers, &batch(4, 0, 1)), Ok(Sequence::Next));
}

#[test]
fn sequences_wrap_to_zero() {
    let mut producers = Producers::default();
    at(&mut producers, batch(0, i32::MAX, 1), 0);
    assert_eq!(check(&producers, &batch(0, 0, 1)), Ok(Sequence::Next));
}

#[test]
fn an_unknown_producer_may_be_in_mid_sequence_as_in_kafka() {
    let mut producers = Producers::default();
    assert_eq!(check(&producers, &batch(0, 10, 10)), Ok(Sequence::Next));
    at(&mut producers, batch(0, 10, 10), 0);
    // What the client sent before and has not got through is out of order now.
    assert_eq!(check(&producers, &batch(0, 0, 10)), Err(OutOfOrderSequenceNumber));
}

#[test]
fn a_transaction_begins_with_its_first_batch_and_ends_with_its_marker() {
    let mut producers = Producers::default();
    assert_eq!(at(&mut producers, in_transaction(0, 0), 5), Some(Change::Began { first: 5 }));
    assert_eq!(at(&mut producers, in_transaction(0, 1), 6), None);
    assert!(producers.in_transaction(9, 0) && !producers.in_transaction(9, 1));
    assert_eq!(check(&producers, &batch(0, 2, 1)), Err(InvalidTxnState), "not of the transaction");
    let ended = at(&mut producers, marker(1, 4), 7);
    assert_eq!(ended, Some(Change::Ended { first: 5, commit: true }));
    assert_eq!(at(&mut producers, marker(1, 4), 8), None, "a marker written twice ends nothing");
    assert_eq!(check(&producers, &in_transaction(0, 2)), Err(InvalidTxnState));
    let mut verification = Verification::default();
    verification.begin((9, 0, 2), true, Duration::ZERO);
    let old = producers.check(&in_transaction(0, 2), verification.get(9));
    assert_eq!(old, Err(InvalidProducerEpoch), "the marker raised the epoch");
}

#[test]
fn a_batch_outside_a_known_transaction_must_be_verified_first() {
    let producers = Producers::default();
    assert_eq!(check(&producers, &in_transaction(0, 0)), Err(InvalidTxnState));
    let mut verification = Verification::default();
    verification.begin((9, 0, 3), false, Duration::ZERO);
    let verified = |sequence| producers.check(&in_transaction(0, sequence), verification.get(9));
    assert_eq!(verified(3), Ok(Sequence::Next));
    assert_eq!(verified(4), Err(OutOfOrderSequenceNumber), "a lower sequence was seen");
}

#[test]
fn a_producer_whose_epoch_rises_begins_each_transaction_at_zero() {
    let mut producers = Producers::default();
    let mut verification = Verification::default();
    verification.begin((9, 0, 3), true, Duration::ZERO);
    let refused = producers.check(&in_transaction(0, 3), verification.get(9));
    assert_eq!(refused, Err(OutOfOrderSequenceNumber));
    verification.begin((9, 0, 0), true, Duration::ZERO);
    assert_eq!(producers.check(&in_transaction(0, 0), verification.get(9)), Ok(Sequence::Next));
    at(&mut producers, in_transaction(0, 0), 0);
    at(&mut producers, marker(1, 0), 1);
    verification.end(9);
    verification.begin((9, 1, 1), true, Duration::ZERO);
    let refused = producers.check(&in_transaction(1, 1), verification.get(9));
    assert_eq!(refused, Err(OutOfOrderSequenceNumber));
}

#[test]
fn markers_of_old_epochs_are_refused() {
    let mut producers = Producers::default();
    let refused = |producers: &Producers, batch: Batch| {
        producers.check_marker(&batch, batch.marker().unwrap()).err()
    };
    assert_eq!(refused(&producers, marker(0, 0)), None);
    at(&mut producers, marker(3, 7), 0);
    assert_eq!(refused(&producers, marker(3, 7)), None);
    assert_eq!(refused(&producers, marker(2, 7)), Some(InvalidProducerEpoch));
    assert_eq!(refused(&producers, marker(3, 6)), Some(TransactionCoordinatorFenced));
}

#[test]
fn silent_producers_expire_unless_they_are_in_a_transaction() {
    let mut producers = Producers::default();
    at(&mut producers, batch(0, 0, 1), 0);
    producers.expire(Duration::ZERO);
    assert!(producers.get(9).is_none());
    at(&mut producers, in_transaction(0, 0), 0);
    producers.expire(Duration::from_secs(1));
    assert!(producers.get(9).is_some());
}

#[test]
fn memory_is_bounded() {
    let mut producers = Producers::default();
    for id in 0..PRODUCERS_MAX as i64 + 100 {
        let mut one = Batch::split(sample(1, Some((id, 0, 0)), 0), 1 << 20).unwrap().remove(0);
        one.appended_at = Duration::from_nanos(id as u64);
        producers.remember(&one);
    }
    assert_eq!(producers.entries.len(), PRODUCERS_MAX);
    assert!(!producers.entries.contains_key(&0), "the oldest went");
}
