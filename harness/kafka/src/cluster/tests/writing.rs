//! What producers see.

use super::*;

#[test]
fn offsets_are_continuous_and_headers_patched() {
    let mut world = World::with_topic();
    assert_eq!(world.produce(1, 1, sample(3, None, 40)).base_offset, 0);
    assert_eq!(world.produce(1, -1, sample(2, None, 40)).base_offset, 3);
    let read = world.fetch(1, 0, 0);
    assert_eq!(bases(&read), [0, 3]);
    assert_eq!(read.responses[0].partitions[0].high_watermark, 5);
    let records = read.responses[0].partitions[0].records.clone().unwrap();
    assert_eq!((&records[12..16]).get_i32(), 0, "leader epoch");
    assert_eq!(records[16..101], sample(3, None, 40)[16..], "the rest as it was sent");
}

#[test]
fn duplicates_are_answered_as_the_first_time_and_gaps_refused() {
    let mut world = World::with_topic();
    let first = sample(10, Some((7, 0, 0)), 40);
    assert_eq!(world.produce(1, -1, first.clone()).base_offset, 0);
    assert_eq!(world.produce(1, -1, sample(5, Some((7, 0, 10)), 40)).base_offset, 10);
    let again = world.produce(1, -1, first);
    assert_eq!((again.error_code, again.base_offset), (0, 0));
    assert_eq!(world.fetch(1, 0, 0).responses[0].partitions[0].high_watermark, 15);
    let gap = world.produce(1, -1, sample(1, Some((7, 0, 16)), 40));
    assert_eq!(gap.error_code, ResponseError::OutOfOrderSequenceNumber.code());
}

#[test]
fn duplicates_are_known_to_the_next_leader() {
    let mut world = World::with_topic();
    let batch = sample(10, Some((7, 0, 0)), 40);
    world.produce(1, -1, batch.clone());
    world.cluster.crash(world.now, 1).unwrap();
    world.pass(SECOND);
    let leader = world.cluster.partitions("t").unwrap()[0].leader.unwrap();
    let again = world.produce_to(leader, 0, -1, batch);
    assert_eq!((again.error_code, again.base_offset), (0, 0));
}

#[test]
fn too_few_in_sync_refuse_only_full_acknowledgement() {
    let config = ClusterConfig { min_insync_replicas: 3, ..ClusterConfig::default() };
    let mut world = World::new(config);
    world.cluster.create_topic("t", 3).unwrap();
    world.cluster.crash(world.now, 3).unwrap();
    world.pass(SECOND);
    let refused = world.produce(1, -1, sample(1, None, 0));
    assert_eq!(refused.error_code, ResponseError::NotEnoughReplicas.code());
    assert_eq!(world.produce(1, 1, sample(1, None, 0)).error_code, 0);
    world.cluster.restart(world.now, 3, &mut world.late).unwrap();
    assert_eq!(world.produce(1, -1, sample(1, None, 0)).error_code, 0);
}

#[test]
fn a_full_acknowledgement_waits_until_the_dead_follower_is_noticed() {
    let mut world = World::with_topic();
    world.cluster.crash(world.now, 2).unwrap();
    let ticket = world.produce_parked(1, -1, sample(4, None, 0));
    assert_eq!(world.fetch(1, 0, 0).responses[0].partitions[0].high_watermark, 0);
    world.pass(Duration::from_millis(499));
    assert!(world.take(ticket).is_none());
    world.pass(Duration::from_millis(1));
    let Some(Response::Produce(answer)) = world.take(ticket) else { panic!("no answer") };
    let part = &answer.responses[0].partition_responses[0];
    assert_eq!((part.error_code, part.base_offset), (0, 0));
    assert_eq!(world.fetch(1, 0, 0).responses[0].partitions[0].high_watermark, 4);
}

#[test]
fn a_full_acknowledgement_gives_up_after_its_time() {
    let config = ClusterConfig { detection: 60 * SECOND, ..ClusterConfig::default() };
    let mut world = World::new(config);
    world.cluster.create_topic("t", 3).unwrap();
    world.cluster.crash(world.now, 2).unwrap();
    let ticket = world.produce_parked(1, -1, sample(4, None, 0));
    world.pass(Duration::from_millis(1_500));
    let Some(Response::Produce(answer)) = world.take(ticket) else { panic!("no answer") };
    let code = answer.responses[0].partition_responses[0].error_code;
    assert_eq!(code, ResponseError::RequestTimedOut.code());
}

#[test]
fn without_acknowledgement_success_is_silent_and_failure_closes() {
    let mut world = World::with_topic();
    for (broker, silent) in [(1, true), (2, false)] {
        let ticket = world.next_ticket;
        let request = produce_request(0, 0, sample(1, None, 0));
        let origin = Origin { ticket, broker, listener: 0, version: 9 };
        let client = ClientInfo { client_id: String::new(), host: String::new() };
        let mut frame = BytesMut::new();
        frame.put_slice(&[0, 0, 0, 9, 0, 0, 0, 1, 255, 255, 0]);
        request.encode(&mut frame, 9).unwrap();
        let request = decode(frame.freeze(), 1 << 20).unwrap().request;
        world.cluster.handle(world.now, &origin, &client, request, &mut world.late);
        match world.take(ticket).unwrap() {
            Response::Nothing => assert!(silent),
            Response::Close => assert!(!silent),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_cannot_be_stored_is_refused_by_its_code() {
    let mut world = World::with_topic();
    let mut old_format = sample(1, None, 0).to_vec();
    old_format[16] = 0;
    let mut damaged = sample(1, None, 9).to_vec();
    damaged[65] ^= 1;
    let cases = [
        (1, 1, old_format.into(), ResponseError::InvalidRecord),
        (1, 1, damaged.into(), ResponseError::CorruptMessage),
        (1, 1, Bytes::new(), ResponseError::InvalidRecord),
        (1, 1, sample(1, None, 1 << 20), ResponseError::MessageTooLarge),
        (1, 5, sample(1, None, 0), ResponseError::InvalidRequiredAcks),
        (2, 1, sample(1, None, 0), ResponseError::NotLeaderOrFollower),
    ];
    for (broker, acks, records, expected) in cases {
        let refused = world.produce_to(broker, 0, acks, records);
        assert_eq!(refused.error_code, expected.code(), "{expected}");
    }
    let nowhere = world.produce_to(1, 9, 1, sample(1, None, 0));
    assert_eq!(nowhere.error_code, ResponseError::UnknownTopicOrPartition.code());
}
