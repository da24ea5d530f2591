use std::time::Duration;

use super::super::batch::Marker;
use super::super::batch::tests::{sample, transactional};
use super::super::{Batch, Log};

fn one(bytes: bytes::Bytes) -> Batch {
    Batch::split(bytes, 1 << 20).unwrap().remove(0)
}

/// A log to which producers write by name.
#[derive(Default)]
struct Written {
    log: Log,
    sequences: std::collections::BTreeMap<i64, i32>,
}

impl Written {
    /// A batch of two records in the transaction of producer `id`.
    fn data(&mut self, id: i64) -> i64 {
        let sequence = self.sequences.entry(id).or_default();
        let batch = one(transactional(2, (id, 0, *sequence)));
        *sequence += 2;
        self.log.append(batch, 0, Duration::ZERO)
    }

    fn plain(&mut self) -> i64 {
        self.log.append(one(sample(1, None, 5)), 0, Duration::ZERO)
    }

    fn end(&mut self, id: i64, commit: bool) -> i64 {
        let marker = Marker { commit, coordinator_epoch: 0 };
        self.log.append(Batch::control((id, 0), marker, 0), 0, Duration::ZERO)
    }

    fn aborted(&self, from: i64, until: i64) -> Vec<(i64, i64)> {
        let aborted = self.log.aborted(from, until).into_iter();
        aborted.map(|aborted| (aborted.producer_id, aborted.first_offset)).collect()
    }
}

#[test]
fn the_last_stable_offset_waits_for_the_oldest_transaction() {
    let mut written = Written::default();
    written.plain();
    assert_eq!(written.log.last_stable(1), 1);
    assert_eq!((written.data(1), written.data(2)), (1, 3));
    assert_eq!(written.log.last_stable(5), 1);
    written.end(2, true);
    assert_eq!(written.log.last_stable(6), 1);
    written.end(1, false);
    assert_eq!(written.log.last_stable(7), 7);
}

#[test]
fn a_marker_counts_once_it_is_below_the_high_watermark() {
    let mut written = Written::default();
    written.data(1);
    let marker = written.end(1, true);
    assert_eq!(written.log.last_stable(marker), 0, "others may not have the marker");
    assert_eq!(written.log.last_stable(marker + 1), marker + 1);
    assert_eq!(written.log.last_stable(0), 0);
}

#[test]
fn aborted_transactions_are_listed_for_the_offsets_they_touch() {
    let mut written = Written::default();
    written.data(1); // 0, 1
    written.data(2); // 2, 3
    written.end(1, false); // 4
    written.data(3); // 5, 6
    written.end(3, true); // 7
    written.end(2, false); // 8
    assert_eq!(written.aborted(0, 9), [(1, 0), (2, 2)]);
    assert_eq!(written.aborted(5, 9), [(2, 2)]);
    assert_eq!(written.aborted(0, 2), [(1, 0)]);
    assert!(written.aborted(9, 20).is_empty());
}

#[test]
fn truncation_reopens_what_its_marker_had_ended() {
    let mut written = Written::default();
    written.data(1);
    written.end(1, true);
    written.data(1);
    let marker = written.end(1, false);
    written.log.truncate(marker);
    assert_eq!(written.log.last_stable(marker), marker - 2);
    assert!(written.aborted(0, 100).is_empty());
    let (_, producer) = written.log.producers().next().unwrap();
    assert_eq!((producer.last_sequence(), producer.transaction), (3, Some(3)));
    written.log.truncate(3);
    assert_eq!(written.log.last_stable(3), 3);
    written.log.truncate(2);
    assert_eq!(written.log.last_stable(2), 0);
}

#[test]
fn a_truncation_still_knows_producers_whose_batches_are_gone() {
    let mut written = Written::default();
    written.data(1);
    written.end(1, true);
    written.plain();
    let tail = written.plain();
    written.log.retain((0, 1), Duration::ZERO, tail);
    assert_eq!(written.log.start(), tail);
    written.log.truncate(tail);
    let (id, producer) = written.log.producers().next().unwrap();
    assert_eq!((id, producer.last_sequence()), (1, 1));
}

#[test]
fn retention_forgets_aborted_transactions_with_their_records() {
    let mut written = Written::default();
    for _ in 0..100 {
        written.data(1);
        written.end(1, false);
    }
    written.log.retain((0, 1), Duration::ZERO, 297);
    assert_eq!(written.log.start(), 297);
    assert_eq!(written.aborted(0, 300), [(1, 297)]);
    assert_eq!(written.log.last_stable(300), 300);
}

#[test]
fn a_start_within_a_transaction_is_stable() {
    let mut written = Written::default();
    written.data(1);
    written.data(1);
    written.log.advance_start(3);
    assert_eq!(written.log.last_stable(4), 3);
}
