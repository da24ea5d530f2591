//! Incremental fetches, asked as clients ask them.

use kafka_protocol::messages::fetch_request::ForgottenTopic;

use super::*;
use ResponseError::*;

/// Fetches all of a world's partitions of "t" led by broker 1 in one session.
fn request(session: (i32, i32), partitions: &[(i32, i64)]) -> FetchRequest {
    let mut request = fetch_request(0, 0, 0, 0);
    let mut one = request.topics.remove(0);
    let wanted = one.partitions.remove(0);
    one.partitions = partitions
        .iter()
        .map(|&(partition, offset)| {
            wanted.clone().with_partition(partition).with_fetch_offset(offset)
        })
        .collect();
    request.topics = if partitions.is_empty() { Vec::new() } else { vec![one] };
    request.with_session_id(session.0).with_session_epoch(session.1)
}

/// A world whose broker 1 leads all six partitions of "t".
fn world() -> World {
    let config = ClusterConfig { brokers: 1, ..ClusterConfig::with_brokers(1) };
    let mut world = World::new(config);
    world.cluster.create_topic("t", 6).unwrap();
    world
}

fn told(answer: &FetchResponse) -> Vec<i32> {
    let parts = answer.responses.iter().flat_map(|topic| &topic.partitions);
    parts.map(|part| part.partition_index).collect()
}

#[test]
fn a_session_tells_only_what_changed() {
    let mut world = world();
    let first = world.ask(1, 12, &request((0, 0), &[(0, 0), (1, 0), (2, 0)]));
    assert_eq!((first.error_code, told(&first)), (0, vec![0, 1, 2]));
    let id = first.session_id;
    assert!(id > 0);
    assert_eq!(told(&world.ask(1, 12, &request((id, 1), &[]))), [0; 0]);
    world.produce_to(1, 1, 1, sample(2, None, 40));
    let second = world.ask(1, 12, &request((id, 2), &[]));
    assert_eq!((second.session_id, told(&second)), (id, vec![1]));
    let again = world.ask(1, 12, &request((id, 3), &[]));
    assert_eq!(told(&again), [1], "records are told until the client goes on");
    assert_eq!(told(&world.ask(1, 12, &request((id, 4), &[(1, 2)]))), [0; 0]);
}

#[test]
fn partitions_are_added_forgotten_and_read_in_turn() {
    let mut world = world();
    let id = world.ask(1, 12, &request((0, 0), &[(0, 0), (1, 0)])).session_id;
    assert_eq!(told(&world.ask(1, 12, &request((id, 1), &[(2, 0)]))), [2], "it is new");
    for partition in 0..3 {
        world.produce_to(1, partition, 1, sample(1, None, 40));
    }
    let mut forget = request((id, 2), &[]);
    let topic = ForgottenTopic::default().with_topic(name("t")).with_partitions(vec![1]);
    forget.forgotten_topics_data = vec![topic];
    assert_eq!(told(&world.ask(1, 12, &forget)), [0, 2]);
    world.produce_to(1, 0, 1, sample(1, None, 40));
    let mut small = request((id, 3), &[(0, 1)]);
    small.max_bytes = 1;
    assert_eq!(told(&world.ask(1, 12, &small)), [0]);
    let mut small = request((id, 4), &[]);
    small.max_bytes = 1;
    let answer = world.ask(1, 12, &small);
    let whole = |part: &&kafka_protocol::messages::fetch_response::PartitionData| {
        part.records.as_ref().is_some_and(|records| !records.is_empty())
    };
    let given = answer.responses.iter().flat_map(|topic| &topic.partitions).find(whole).unwrap();
    assert_eq!(given.partition_index, 2, "who gave records goes to the end");
}

#[test]
fn wrong_sessions_are_refused() {
    let mut world = world();
    let id = world.ask(1, 12, &request((0, 0), &[(0, 0)])).session_id;
    let mut refused = |version, session, expected: ResponseError| {
        let answer = world.ask(1, version, &request(session, &[]));
        assert_eq!((answer.error_code, answer.session_id), (expected.code(), 0));
    };
    refused(12, (id + 1, 1), FetchSessionIdNotFound);
    refused(12, (id, 2), InvalidFetchSessionEpoch);
    refused(13, (id, 1), FetchSessionTopicIdError);
    assert_eq!(world.ask(1, 12, &request((id, 1), &[])).error_code, 0, "it is still there");
    assert_eq!(world.ask(1, 12, &request((id, -1), &[(0, 0)])).session_id, 0);
    refused_after_close(&mut world, id);
}

fn refused_after_close(world: &mut World, id: i32) {
    let answer = world.ask(1, 12, &request((id, 2), &[]));
    assert_eq!(answer.error_code, FetchSessionIdNotFound.code());
}

#[test]
fn a_session_without_partitions_and_one_of_a_dead_broker_are_gone() {
    let mut world = world();
    let id = world.ask(1, 12, &request((0, 0), &[(0, 0)])).session_id;
    let mut forget = request((id, 1), &[]);
    let topic = ForgottenTopic::default().with_topic(name("t")).with_partitions(vec![0]);
    forget.forgotten_topics_data = vec![topic];
    assert_eq!(world.ask(1, 12, &forget).session_id, 0);
    refused_after_close(&mut world, id);
    let id = world.ask(1, 12, &request((0, 0), &[(0, 0)])).session_id;
    world.cluster.crash(world.now, 1).unwrap();
    world.pass(SECOND);
    world.cluster.restart(world.now, 1, &mut world.late).unwrap();
    world.pass(SECOND);
    let answer = world.ask(1, 12, &request((id, 1), &[]));
    assert_eq!(answer.error_code, FetchSessionIdNotFound.code());
}

#[test]
fn a_parked_fetch_of_a_session_hears_of_its_partition_only() {
    let mut world = world();
    let id = world.ask(1, 12, &request((0, 0), &[(0, 0), (1, 0), (2, 0)])).session_id;
    let parked = request((id, 1), &[]).with_min_bytes(1).with_max_wait_ms(500);
    let (ticket, answer) = world.send(1, 12, &parked);
    assert!(answer.is_none());
    world.produce_to(1, 2, 1, sample(1, None, 40));
    let answer = world.take(ticket).expect("woken");
    assert_eq!(told(&read_answer::<FetchRequest>(answer, 12)), [2]);
}

#[test]
fn an_error_is_told_each_time_and_its_end_too() {
    let mut world = world();
    let id = world.ask(1, 12, &request((0, 0), &[(0, 0), (9, 0)])).session_id;
    let mut world_told = |epoch| told(&world.ask(1, 12, &request((id, epoch), &[])));
    assert_eq!(world_told(1), [9]);
    assert_eq!(world_told(2), [9]);
    world.cluster.topics.index("t").unwrap();
    let mut more = kafka_protocol::messages::CreatePartitionsRequest::default();
    more.topics = vec![
        kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic::default()
            .with_name(name("t"))
            .with_count(10)
            .with_assignments(None),
    ];
    world.ask(1, 3, &more);
    assert_eq!(told(&world.ask(1, 12, &request((id, 3), &[]))), [9]);
    assert_eq!(told(&world.ask(1, 12, &request((id, 4), &[]))), [0; 0]);
}

#[test]
fn a_full_cache_keeps_the_young_and_drops_the_unused() {
    let mut world = world();
    let ask = |world: &mut World| world.ask(1, 12, &request((0, 0), &[(0, 0)])).session_id;
    let first = ask(&mut world);
    (1..1_000).for_each(|_| assert!(ask(&mut world) > 0));
    assert_eq!(ask(&mut world), 0, "all are young");
    world.pass(121 * SECOND);
    assert!(ask(&mut world) > 0);
    assert!(first > 0);
}
