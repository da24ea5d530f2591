//! What the metrics are told.

use super::*;

fn of(world: &World, broker: i32) -> BrokerSurvey {
    let survey = world.cluster.survey();
    survey.brokers.into_iter().find(|survey| survey.id == broker).unwrap()
}

#[test]
fn records_are_counted_where_they_are_appended_and_read() {
    let mut world = World::with_topic();
    let records = sample(3, None, 40);
    let bytes = records.len() as u64;
    world.produce(1, 1, records.clone());
    world.produce(1, -1, records.clone());
    world.produce(2, 1, records.clone());
    world.fetch(1, 0, 0);
    world.produce_to(3, 1, 1, records);
    let counted = |broker| {
        let Traffic { messages_in, bytes_in, bytes_out } = of(&world, broker).traffic;
        (messages_in, bytes_in, bytes_out)
    };
    assert_eq!(counted(1), (6, 2 * bytes, 2 * bytes));
    assert_eq!(counted(2), (3, bytes, 0));
    assert_eq!(counted(3), (0, 0, 0), "a produce at the wrong broker");
    let topics = world.cluster.survey().topics;
    assert_eq!(
        topics.iter().map(|(name, id, _)| (&**name, *id)).collect::<Vec<_>>(),
        [("t", 1), ("t", 2)]
    );
}

#[test]
fn a_fetch_that_waited_is_counted_once() {
    let mut world = World::with_topic();
    let (_, answer) = world.send(1, 12, &fetch_request(0, 0, 1, 1_000));
    assert!(answer.is_none());
    let records = sample(1, None, 40);
    world.produce(1, 1, records.clone());
    assert_eq!(of(&world, 1).traffic.bytes_out, records.len() as u64);
}

#[test]
fn a_crash_shows_in_the_numbers_once_it_is_noticed() {
    let mut world = World::with_topic();
    let before = world.cluster.survey();
    assert_eq!((before.brokers_active, before.offline_partitions, before.imbalanced), (3, 0, 0));
    assert_eq!((of(&world, 1).leaders, of(&world, 1).replicas), (1, 3));
    assert!(of(&world, 1).controller && !of(&world, 2).controller);
    world.cluster.crash(world.now, 1).unwrap();
    assert_eq!(world.cluster.survey().offline_partitions, 1);
    world.pass(SECOND);
    let after = world.cluster.survey();
    assert_eq!((after.brokers_active, after.brokers_fenced, after.brokers.len()), (2, 1, 2));
    assert_eq!((after.offline_partitions, after.imbalanced), (0, 1));
    assert_eq!(after.brokers.iter().map(|broker| broker.under_replicated).sum::<usize>(), 3);
    assert_eq!(after.brokers.iter().map(|broker| broker.at_min_isr).sum::<usize>(), 3);
    assert!(of(&world, 2).controller);
}

#[test]
fn a_broker_that_comes_back_is_counted_by_the_leaders_that_take_it_in() {
    let mut world = World::with_topic();
    world.cluster.crash(world.now, 1).unwrap();
    world.pass(SECOND);
    let expands = |world: &World| -> u64 {
        [2, 3].iter().map(|&broker| of(world, broker).in_sync_changes.expands).sum()
    };
    assert_eq!(expands(&world), 0);
    world.cluster.restart(world.now, 1, &mut world.late).unwrap();
    world.pass(SECOND);
    assert_eq!(expands(&world), 3);
    let shrinks = [1, 2, 3].map(|broker| of(&world, broker).in_sync_changes.shrinks);
    assert_eq!(shrinks, [0, 0, 0], "the controller took the broker out, no leader");
}
