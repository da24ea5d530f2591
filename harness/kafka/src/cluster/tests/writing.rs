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
    assert_eq!(again.log_append_time_ms, 2_000, "the newest time of its records");
    assert_eq!(world.fetch(1, 0, 0).responses[0].partitions[0].high_watermark, 15);
    let gap = world.produce(1, -1, sample(1, Some((7, 0, 16)), 40));
    assert_eq!(gap.error_code, ResponseError::OutOfOrderSequenceNumber.code());
    assert_eq!((gap.base_offset, gap.log_start_offset), (-1, 0));
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

#[test]
fn a_refusal_tells_where_the_log_starts_as_far_as_kafka_looked() {
    let mut world = World::with_topic();
    let edited = |edit: fn(&mut Vec<u8>)| {
        let mut bytes = sample(2, Some((7, 0, 0)), 9).to_vec();
        edit(&mut bytes);
        let checksum = crc32c::crc32c(&bytes[21..]);
        bytes[17..21].copy_from_slice(&checksum.to_be_bytes());
        Bytes::from(bytes)
    };
    let of_log = [
        (edited(|bytes| bytes[7] = 5), ResponseError::InvalidRecord),
        (edited(|bytes| bytes[22] = 7), ResponseError::UnknownServerError),
        (edited(|bytes| bytes[22] = 0x20), ResponseError::InvalidRecord),
        (edited(|bytes| bytes[26] = 9), ResponseError::InvalidRecord),
        (edited(|bytes| bytes[53] = 0xff), ResponseError::InvalidRecord),
    ];
    for (records, expected) in of_log {
        let refused = world.produce(1, -1, records);
        assert_eq!((refused.error_code, refused.log_start_offset), (expected.code(), 0));
    }
    let of_request = edited(|bytes| bytes.truncate(40));
    let refused = world.produce(1, -1, of_request);
    assert_eq!(refused.error_code, ResponseError::InvalidRecord.code());
    assert_eq!(refused.log_start_offset, -1);
}

#[test]
fn nothing_instead_of_records_is_never_answered() {
    let mut world = World::with_topic();
    let mut request = produce_request(0, -1, Bytes::new());
    request.topic_data[0].partition_data[0].records = None;
    assert!(world.send(1, 11, &request).1.is_none());
    request.topic_data[0].partition_data[0].index = 9;
    let answer = world.ask(1, 11, &request);
    let unknown = ResponseError::UnknownTopicOrPartition.code();
    assert_eq!(answer.responses[0].partition_responses[0].error_code, unknown);
}

#[test]
fn a_topic_may_want_keys_and_have_the_broker_set_the_time() {
    let mut world = World::with_topic();
    world.cluster.set_started_at(Duration::from_millis(50_000));
    let index = world.cluster.topics.index("t").unwrap();
    let settings = &mut world.cluster.topics.get_mut(index).unwrap().settings;
    settings.rules.stamps = true;
    let stamped = world.produce(1, -1, sample(1, None, 9));
    assert_eq!((stamped.error_code, stamped.log_append_time_ms), (0, 50_000));
    let settings = &mut world.cluster.topics.get_mut(index).unwrap().settings;
    (settings.rules.stamps, settings.rules.keys) = (false, true);
    let mut keyless = sample(1, None, 7).to_vec();
    // A record of six bytes: attributes, time, place, no key, no value, no headers.
    keyless[61..].copy_from_slice(&[12, 0, 0, 0, 1, 1, 0]);
    let checksum = crc32c::crc32c(&keyless[21..]);
    keyless[17..21].copy_from_slice(&checksum.to_be_bytes());
    let refused = world.produce(1, -1, keyless.into());
    assert_eq!(refused.error_code, ResponseError::InvalidRecord.code());
    assert_eq!(refused.record_errors.len(), 1);
    assert!(refused.error_message.is_some());
}
