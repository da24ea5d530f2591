//! Followers that lag, what a crash then loses, and the in-sync sets.

use super::failures::leader;
use super::*;
use crate::fault::{Defect, ReplicationLag};
use crate::view::ReplicaView;

const DELAY: Duration = Duration::from_millis(100);

/// A partition led by broker 1 whose followers lag by [`DELAY`].
fn lagging(change: impl FnOnce(&mut ClusterConfig)) -> World {
    let replication_lag = ReplicationLag::of(DELAY);
    let mut config = ClusterConfig { replication_lag, ..ClusterConfig::default() };
    change(&mut config);
    let mut world = World::new(config);
    world.cluster.create_topic("t", 3).unwrap();
    world.pass(SECOND);
    world
}

pub(super) fn replicas(world: &World) -> Vec<ReplicaView> {
    world.cluster.replicas("t", 0).unwrap()
}

/// Log end and high watermark of each replica.
fn ends(world: &World) -> Vec<(i64, i64)> {
    replicas(world).iter().map(|replica| (replica.log_end, replica.high_watermark)).collect()
}

#[test]
fn a_follower_has_a_record_after_the_lag_and_hears_of_its_commit_one_fetch_later() {
    let mut world = lagging(|_| {});
    world.produce(1, 1, sample(5, None, 0));
    world.pass(DELAY - Duration::from_millis(1));
    assert_eq!(ends(&world), [(5, 0), (0, 0), (0, 0)]);
    world.pass(Duration::from_millis(1));
    assert_eq!(ends(&world), [(5, 5), (5, 0), (5, 0)]);
    world.pass(DELAY);
    assert_eq!(ends(&world), [(5, 5), (5, 5), (5, 5)]);
}

#[test]
fn a_crash_loses_exactly_what_one_acknowledgement_promised_and_no_follower_had() {
    let mut world = lagging(|_| {});
    assert_eq!(world.produce(1, 1, sample(5, None, 0)).error_code, 0);
    world.pass(DELAY);
    assert_eq!(world.produce(1, 1, sample(3, None, 0)).base_offset, 5);
    world.pass(DELAY / 2);
    world.cluster.crash(world.now, 1).unwrap();
    world.pass(SECOND);
    assert_eq!(leader(&world, 0), (Some(2), 1, vec![2, 3]));
    assert_eq!(world.produce_to(2, 0, 1, sample(2, None, 0)).base_offset, 5, "8 were promised");
    world.cluster.restart(world.now, 1, &mut world.late).unwrap();
    world.pass(2 * SECOND);
    assert_eq!(ends(&world), [(7, 7); 3], "the returned leader has cut off its tail");
    let replica = world.cluster.topics.partition_mut(0, 0).unwrap().replica(1).unwrap();
    assert_eq!((replica.epoch_end(0), replica.epoch_end(1)), (Some((0, 5)), Some((1, 7))));
}

#[test]
fn a_crash_loses_nothing_that_all_replicas_in_sync_acknowledged() {
    let mut world = lagging(|_| {});
    let ticket = world.produce_parked(1, -1, sample(4, None, 0));
    let late = world.produce_parked(1, -1, sample(4, None, 0));
    world.pass(DELAY);
    assert!(world.take(ticket).is_some(), "acknowledged when the followers have it");
    world.cluster.crash(world.now, 1).unwrap();
    assert!(world.take(late).is_none(), "the second went out by the followers' next fetch");
    world.pass(SECOND);
    assert_eq!(leader(&world, 0).0, Some(2));
    assert_eq!(bases(&world.fetch(2, 0, 0)), [0]);
}

#[test]
fn a_new_leader_does_not_say_what_is_last_before_it_knows() {
    use kafka_protocol::messages::ListOffsetsRequest;
    use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
    let mut world = lagging(|_| {});
    world.produce(1, 1, sample(5, None, 0));
    world.pass(DELAY);
    world.cluster.crash(world.now, 3).unwrap();
    world.cluster.move_leader("t", 0, Some(2), &mut world.late).unwrap();
    let latest = |world: &mut World, version| {
        let wanted = ListOffsetsPartition::default().with_timestamp(-1);
        let wanted = wanted.with_current_leader_epoch(-1);
        let topic = ListOffsetsTopic::default().with_name(name("t")).with_partitions(vec![wanted]);
        let request = ListOffsetsRequest::default().with_replica_id(BrokerId(-1));
        let answer = world.ask(2, version, &request.with_topics(vec![topic]));
        (answer.topics[0].partitions[0].error_code, answer.topics[0].partitions[0].offset)
    };
    assert_eq!(latest(&mut world, 3), (ResponseError::LeaderNotAvailable.code(), -1));
    world.produce_to(2, 0, 1, sample(1, None, 0));
    assert_eq!(latest(&mut world, 5), (ResponseError::OffsetNotAvailable.code(), -1));
    world.pass(SECOND);
    assert_eq!(latest(&mut world, 5), (0, 6));
}

#[test]
fn who_lags_too_long_leaves_the_in_sync_set_and_returns_when_it_has_caught_up() {
    let mut world = lagging(|config| config.replica_lag_time_max = SECOND);
    let slow = ReplicationLag::of(10 * SECOND);
    world.cluster.set_lag(world.now, 3, slow, &mut world.late).unwrap();
    world.pass(10 * SECOND);
    assert_eq!(leader(&world, 0).2, [1, 2, 3], "who has everything does not lag");
    let waiting = world.produce_parked(1, -1, sample(4, None, 0));
    world.pass(SECOND);
    assert!(world.take(waiting).is_none(), "3 is waited for");
    world.pass(SECOND / 2);
    assert_eq!(leader(&world, 0), (Some(1), 0, vec![1, 2]));
    assert!(world.take(waiting).is_some(), "and then no more");
    world.pass(10 * SECOND);
    assert_eq!(leader(&world, 0), (Some(1), 0, vec![1, 2, 3]));
    let mut answers = Vec::new();
    world.cluster.set_lag(world.now, 3, ReplicationLag::default(), &mut answers).unwrap();
    world.produce(1, 1, sample(1, None, 0));
    assert_eq!(ends(&world)[2].0, 5, "without lag at once");
}

#[test]
fn who_fetches_no_more_does_not_come_back_because_the_high_watermark_waits_for_it() {
    let mut world = lagging(|config| config.replica_lag_time_max = SECOND);
    for follower in [2, 3] {
        let slow = ReplicationLag::of(100 * SECOND);
        world.cluster.set_lag(world.now, follower, slow, &mut world.late).unwrap();
    }
    world.produce(1, 1, sample(1, None, 0));
    world.pass(2 * SECOND);
    assert_eq!(leader(&world, 0), (Some(1), 0, vec![1]));
    world.produce(1, 1, sample(1, None, 0));
    assert_eq!(leader(&world, 0).2, [1], "too few are in sync, so that nothing is committed");
    assert_eq!(ends(&world), [(2, 0), (0, 0), (0, 0)]);
    let mut answers = Vec::new();
    for follower in [2, 3] {
        let lag = ReplicationLag::default();
        world.cluster.set_lag(world.now, follower, lag, &mut answers).unwrap();
    }
    assert_eq!(leader(&world, 0).2, [1, 2, 3]);
    assert_eq!(ends(&world), [(2, 2), (2, 2), (2, 2)]);
}

#[test]
fn a_returning_replica_catches_up_at_its_rate_before_it_is_in_sync() {
    let mut world = lagging(|_| {});
    world.cluster.crash(world.now, 3).unwrap();
    world.pass(SECOND);
    for _ in 0..4 {
        world.produce(1, 1, sample(1, None, (1 << 19) - 61));
    }
    world.pass(SECOND);
    assert_eq!(leader(&world, 0).2, [1, 2]);
    let bytes_per_second = std::num::NonZeroU64::new(1 << 20);
    let lag = ReplicationLag { bytes_per_second, ..ReplicationLag::of(DELAY) };
    world.cluster.set_lag(world.now, 3, lag, &mut world.late).unwrap();
    world.cluster.restart(world.now, 3, &mut world.late).unwrap();
    world.pass(SECOND + DELAY);
    assert_eq!((ends(&world)[2].0, leader(&world, 0).2.len()), (2, 2));
    world.pass(SECOND + DELAY);
    assert_eq!((ends(&world)[2].0, leader(&world, 0).2), (4, vec![1, 2, 3]));
}

#[test]
fn jitter_is_drawn_from_the_seed() {
    let arrivals = |seed: u64| {
        let mut world = lagging(|config| {
            config.seed = seed;
            config.replication_lag.jitter = DELAY;
        });
        world.produce(1, 1, sample(1, None, 0));
        let due = world.cluster.timers.iter().copied();
        due.filter(|(_, timer)| matches!(timer, Timer::Copy(..))).collect::<Vec<_>>()
    };
    assert_eq!(arrivals(1).len(), 2);
    assert_eq!(arrivals(1), arrivals(1));
    assert_ne!(arrivals(1), arrivals(2));
}

/// KIP-101: the followers have everything, but have not heard that it is committed, when the
/// leader changes and the new one fails at once.
fn fails_after_a_change_of_leader(defect: Option<Defect>) -> i64 {
    let mut world = lagging(|config| config.defect = defect);
    let ticket = world.produce_parked(1, -1, sample(4, None, 0));
    world.pass(DELAY);
    assert!(world.take(ticket).is_some(), "committed");
    world.cluster.move_leader("t", 0, Some(2), &mut world.late).unwrap();
    world.cluster.crash(world.now, 2).unwrap();
    world.cluster.crash(world.now, 1).unwrap();
    world.pass(2 * SECOND);
    assert_eq!(leader(&world, 0).0, Some(3));
    replicas(&world)[2].log_end
}

#[test]
fn truncation_follows_epochs_and_not_the_high_watermark() {
    assert_eq!(fails_after_a_change_of_leader(None), 4);
    assert_eq!(fails_after_a_change_of_leader(Some(Defect::TruncateToHighWatermark)), 0);
}

#[test]
fn a_high_watermark_that_moves_too_early_loses_what_was_promised() {
    let mut world = lagging(|config| config.defect = Some(Defect::HighWatermarkTooEarly));
    assert_eq!(world.produce(1, -1, sample(4, None, 0)).error_code, 0, "promised at once");
    world.cluster.crash(world.now, 1).unwrap();
    world.pass(SECOND);
    assert_eq!(ends(&world)[1], (0, 0));
}

#[test]
fn an_unclean_election_shows_in_the_epochs() {
    let mut world = World::new(ClusterConfig {
        unclean_election: true,
        min_insync_replicas: 1,
        ..ClusterConfig::default()
    });
    world.cluster.create_topic("t", 1).unwrap();
    world.cluster.crash(world.now, 2).unwrap();
    world.cluster.crash(world.now, 3).unwrap();
    world.pass(SECOND);
    assert_eq!(world.produce(1, -1, sample(7, None, 0)).error_code, 0, "committed by 1 alone");
    world.cluster.crash(world.now, 1).unwrap();
    world.cluster.restart(world.now, 3, &mut world.late).unwrap();
    world.pass(SECOND);
    assert_eq!(leader(&world, 0).0, Some(3));
    let epoch = leader(&world, 0).1;
    let partition = world.cluster.topics.partition_mut(0, 0).unwrap();
    let answer = partition.led(3, epoch).unwrap().epoch_end(0);
    assert_eq!(answer, Some((0, 0)), "epoch 0 ended before what consumers saw");
    assert_eq!(partition.led(3, 0).unwrap_err(), ResponseError::FencedLeaderEpoch);
    assert_eq!(partition.led(3, epoch + 1).unwrap_err(), ResponseError::UnknownLeaderEpoch);
}
