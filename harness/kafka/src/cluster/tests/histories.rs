//! What seeded histories once found wrong, each as the shortest conversation that shows it.

use super::failures::leader;
use super::replication::replicas;
use super::*;
use crate::fault::{Disk, Isolation, ReplicationLag};

/// One partition, led by broker 1, whose followers trail by this.
fn trailing(lag: Duration) -> World {
    let replication_lag = ReplicationLag::of(lag);
    let mut world = World::new(ClusterConfig { replication_lag, ..ClusterConfig::default() });
    world.cluster.create_topic("t", 1).unwrap();
    world.pass(SECOND);
    world
}

#[test]
fn a_broker_started_while_no_controller_is_there_is_registered_by_the_next() {
    let mut world = World::with_topic();
    world.cluster.crash(world.now, 2).unwrap();
    world.pass(SECOND);
    world.cluster.crash_controller(world.now, 2 * SECOND);
    world.cluster.restart(world.now, 2, &mut world.late).unwrap();
    world.pass(SECOND);
    assert_eq!(leader(&world, 0).2, [1, 3], "nobody admits it");
    world.pass(2 * SECOND);
    assert_eq!(leader(&world, 0).2, [1, 3, 2]);
}

#[test]
fn a_broker_healed_while_no_controller_is_there_hears_of_the_leader_from_the_next() {
    let mut world = World::with_topic();
    world.cluster.isolate(world.now, 3, Isolation::FromPeers).unwrap();
    world.cluster.move_leader("t", 0, Some(2), &mut world.late).unwrap();
    world.cluster.crash_controller(world.now, 2 * SECOND);
    world.cluster.heal(world.now, 3, &mut world.late).unwrap();
    world.pass(5 * SECOND);
    let answer = world.produce_to(2, 0, -1, sample(1, None, 0));
    assert_eq!(answer.error_code, 0, "3 follows the leader that it missed");
    assert_eq!(replicas(&world).iter().map(|one| one.log_end).collect::<Vec<_>>(), [1, 1, 1]);
}

#[test]
fn progress_of_the_process_before_takes_nobody_back_into_the_in_sync_set() {
    let mut world = trailing(Duration::from_millis(100));
    world.produce(1, 1, sample(5, None, 0));
    world.pass(Duration::from_millis(300));
    world.cluster.lose_power(world.now, 3).unwrap();
    assert_eq!(replicas(&world)[2].log_end, 0, "nothing of it was flushed");
    world.pass(SECOND);
    assert_eq!(leader(&world, 0).2, [1, 2]);
    world.cluster.restart(world.now, 3, &mut world.late).unwrap();
    assert_eq!(leader(&world, 0).2, [1, 2], "it has had nothing yet");
    world.pass(SECOND);
    assert_eq!(leader(&world, 0).2, [1, 2, 3]);
    let held = replicas(&world).iter().all(|one| !one.in_sync || one.log_end == 5);
    assert!(held, "who is in sync has what is committed");
}

#[test]
fn what_was_on_its_way_to_a_dead_broker_does_not_fail_its_disk() {
    let mut world = trailing(Duration::from_millis(400));
    world.produce(1, 1, sample(5, None, 0));
    world.cluster.set_disk(world.now, 3, Disk::Full, &mut world.late).unwrap();
    world.cluster.crash(world.now, 3).unwrap();
    world.pass(SECOND);
    world.cluster.set_disk(world.now, 3, Disk::Normal, &mut world.late).unwrap();
    world.cluster.restart(world.now, 3, &mut world.late).unwrap();
    world.pass(5 * SECOND);
    assert_eq!(leader(&world, 0).2, [1, 2, 3]);
    assert_eq!(error(&world.fetch(3, 0, 0)), 0, "its log directory is online");
}
