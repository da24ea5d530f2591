//! A partition by itself.

use super::super::super::log::batch::tests::sample;
use super::*;
use crate::fault::ReplicationLag;
use crate::log::Batch;
use std::collections::BTreeMap;

fn batches(count: i32) -> Vec<Batch> {
    Batch::split(sample(count, None, 0), 1 << 20).unwrap()
}

use crate::cluster::brokers::Broker;

type Brokers = BTreeMap<i32, Broker>;

fn brokers(count: i32) -> Brokers {
    (1..=count).map(|id| (id, Broker::new(ReplicationLag::default()))).collect()
}

fn around(brokers: &Brokers) -> Surroundings<'_> {
    Surroundings {
        brokers,
        min_insync_replicas: 1,
        lag_time_max: Duration::from_secs(30),
        flush_messages: u64::MAX,
        defect: None,
        now: Duration::ZERO,
    }
}

fn append(partition: &mut Partition, broker: i32, count: i32) {
    partition.led_mut(broker).unwrap().append(batches(count), Duration::ZERO).unwrap();
}

fn ends(partition: &Partition) -> Vec<(i64, i64)> {
    let replicas = partition.replicas().iter();
    replicas.map(|replica| (replica.log.end(), replica.high_watermark())).collect()
}

#[test]
fn the_high_watermark_is_what_all_in_sync_replicas_have() {
    let mut brokers = brokers(2);
    let mut partition = Partition::new(&[1, 2], around(&brokers));
    append(&mut partition, 1, 3);
    assert_eq!(ends(&partition), [(3, 0), (0, 0)], "not before it is replicated");
    assert_eq!(partition.replicate(1, around(&brokers)).visible, Some((0, 3)));
    brokers.get_mut(&2).unwrap().alive = false;
    append(&mut partition, 1, 2);
    assert_eq!(partition.replicate(1, around(&brokers)).visible, None, "2 lags");
    assert_eq!(ends(&partition), [(5, 3), (3, 3)]);
    partition.registration.isr = vec![1];
    partition.spread(around(&brokers));
    brokers.get_mut(&2).unwrap().active = false;
    assert_eq!(partition.replicate(1, around(&brokers)).visible, Some((3, 5)));
}

#[test]
fn a_deposed_leader_cuts_off_what_the_new_one_does_not_have() {
    let mut brokers = brokers(2);
    let mut partition = Partition::new(&[1, 2], around(&brokers));
    append(&mut partition, 1, 3);
    partition.replicate(1, around(&brokers));
    brokers.get_mut(&2).unwrap().alive = false;
    append(&mut partition, 1, 2);
    partition.replicate(1, around(&brokers));
    brokers.insert(2, Broker::new(ReplicationLag::default()));
    partition.move_leader(Some(2), |_| true).unwrap();
    assert_eq!(partition.spread(around(&brokers)), [1, 2]);
    append(&mut partition, 2, 4);
    partition.replicate(2, around(&brokers));
    assert_eq!(ends(&partition), [(7, 7), (7, 7)]);
    for replica in partition.replicas() {
        assert_eq!(replica.epoch_end(0), Some((0, 3)));
        assert_eq!(replica.epoch_end(1), Some((1, 7)));
    }
}

#[test]
fn a_partition_without_live_replicas_has_no_leader() {
    let partition = Partition::new(&[1, 2], around(&brokers(0)));
    assert_eq!(partition.leader(), None);
    assert_eq!(partition.led(1, -1).unwrap_err(), ResponseError::NotLeaderOrFollower);
}
