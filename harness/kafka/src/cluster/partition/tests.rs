//! A partition by itself.

use super::super::super::log::batch::tests::sample;
use super::*;

fn batches(count: i32) -> Vec<Batch> {
    Batch::split(sample(count, None, 0), 1 << 20).unwrap()
}

#[test]
fn the_high_watermark_is_what_all_in_sync_replicas_have() {
    let mut partition = Partition::new(&[1, 2], |_| true);
    partition.append(batches(3), Duration::ZERO).unwrap();
    assert_eq!(partition.high_watermark(), 0, "not before it is replicated");
    assert_eq!(partition.replicate(|_| true), Some((0, 3)));
    partition.append(batches(2), Duration::ZERO).unwrap();
    assert_eq!(partition.replicate(|broker| broker == 1), None, "2 lags");
    assert_eq!(partition.high_watermark(), 3);
    partition.fence(2, |broker| broker == 1, false);
    assert_eq!(partition.replicate(|broker| broker == 1), Some((3, 5)));
}

#[test]
fn a_shorter_leader_truncates_what_was_not_committed() {
    let mut partition = Partition::new(&[1, 2], |_| true);
    partition.append(batches(3), Duration::ZERO).unwrap();
    partition.replicate(|_| true);
    partition.append(batches(2), Duration::ZERO).unwrap();
    partition.replicate(|broker| broker == 1);
    partition.move_leader(Some(2), |_| true).unwrap();
    assert_eq!((partition.log.end(), partition.high_watermark()), (3, 3));
    assert_eq!(partition.epoch_end(0), Some((0, 3)));
    assert_eq!(partition.epoch_end(1), Some((1, 3)));
}

#[test]
fn a_partition_without_live_replicas_has_no_leader() {
    let partition = Partition::new(&[1, 2], |_| false);
    assert_eq!(partition.leader(), None);
    assert_eq!(partition.check_leader(1, -1), Err(ResponseError::NotLeaderOrFollower));
}
