//! Produce: acknowledgements, what a batch may be, and where it goes.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::*;
use uuid::Uuid;

use super::{Case, case};
use crate::conformance::batch::{Batch, CONTROL, base_ms};
use crate::conformance::context::{Context, GROUP};
use crate::conformance::records::{produce_request, produced};

/// Produces these bytes with `acks=all` to a new topic, and notes the answer and the log's end.
fn try_batch(c: &mut Context<'_>, records: Bytes) -> anyhow::Result<()> {
    try_batch_with(c, &[], records)
}

fn try_batch_with(
    c: &mut Context<'_>,
    configs: &[(&str, &str)],
    records: Bytes,
) -> anyhow::Result<()> {
    let topic = c.topic_with("t", 1, 3, configs)?;
    let answer = c.write(&topic, 0, records)?;
    c.see(answer);
    let leader = c.leader(&topic, 0)?;
    let end = c.list_offset(leader, &topic, 0, -1)?.2;
    c.see(format!("end {end}"));
    Ok(())
}

/// A message of format 0 or 1 with this magic, right in all else.
fn legacy(magic: i8) -> Bytes {
    let mut message = BytesMut::new();
    message.put_i8(magic);
    message.put_i8(0);
    if magic == 1 {
        message.put_i64(base_ms());
    }
    message.put_i32(-1);
    message.put_i32(5);
    message.put_slice(b"value");
    let checksum = crc32(&message);
    let mut set = BytesMut::new();
    set.put_i64(0);
    set.put_i32(message.len() as i32 + 4);
    set.put_u32(checksum);
    set.put_slice(&message);
    set.freeze()
}

/// The checksum of the formats before 2 (CRC-32 of ISO-HDLC).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| {
            if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 }
        })
    })
}

/// A good batch of three records with one of its bytes changed by `change`.
fn changed(change: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut bytes = BytesMut::from(&Batch::of(3).bytes()[..]);
    change(&mut bytes);
    bytes.freeze()
}

/// Puts the checksum right after a change.
fn checksum(bytes: &mut BytesMut) {
    let sum = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&sum.to_be_bytes());
}

pub(crate) const CASES: &[Case] = &[
    case(
        "produce/acks all",
        |c| try_batch(c, Batch::of(3).bytes()),
        &["NONE at 0, log from 0", "end 3"],
    ),
    case(
        "produce/acks one",
        |c| {
            let topic = c.topic("t", 1)?;
            let leader = c.leader(&topic, 0)?;
            for _ in 0..2 {
                let answer = c.produce(leader, 1, &topic, 0, Batch::of(2).bytes())?;
                c.see(answer);
            }
            Ok(())
        },
        &["NONE at 0, log from 0", "NONE at 2, log from 0"],
    ),
    case(
        "produce/acks zero is not answered",
        |c| {
            let topic = c.topic("t", 1)?;
            let leader = c.leader(&topic, 0)?;
            let mut connection = c.connect(leader)?;
            connection.send(11, &produce_request(0, &topic, 0, Batch::of(2).bytes()))?;
            let next = connection.next(Duration::from_millis(300))?;
            c.see(next);
            c.until("written", |c| {
                Ok((c.list_offset(leader, &topic, 0, -1)?.2 == 2).then_some(()))
            })?;
            Ok(())
        },
        &["silence"],
    ),
    case(
        "produce/acks zero with an error closes the connection",
        |c| {
            let topic = c.topic("t", 1)?;
            let leader = c.leader(&topic, 0)?;
            let mut connection = c.connect(leader)?;
            connection.send(11, &produce_request(0, &topic, 9, Batch::of(2).bytes()))?;
            let next = connection.next(Duration::from_secs(3))?;
            c.see(next);
            Ok(())
        },
        &["closed"],
    ),
    case(
        "produce/invalid acks",
        |c| {
            let topic = c.topic("t", 1)?;
            let leader = c.leader(&topic, 0)?;
            for acks in [2, -2, 3] {
                let answer = c.produce(leader, acks, &topic, 0, Batch::of(2).bytes())?;
                c.see(answer);
            }
            Ok(())
        },
        &[
            "INVALID_REQUIRED_ACKS at -1, log from -1",
            "INVALID_REQUIRED_ACKS at -1, log from -1",
            "INVALID_REQUIRED_ACKS at -1, log from -1",
        ],
    ),
    case(
        "produce/unknown topic",
        |c| {
            let answer = c.produce(1, -1, "no-such-topic", 0, Batch::of(1).bytes())?;
            c.see(answer);
            Ok(())
        },
        &["UNKNOWN_TOPIC_OR_PARTITION at -1, log from -1"],
    ),
    case(
        "produce/unknown partition",
        |c| {
            let topic = c.topic("t", 1)?;
            let answer = c.produce(1, -1, &topic, 7, Batch::of(1).bytes())?;
            c.see(answer);
            Ok(())
        },
        &["UNKNOWN_TOPIC_OR_PARTITION at -1, log from -1"],
    ),
    case(
        "produce/by topic id",
        |c| {
            let topic = c.topic("t", 1)?;
            let id = c.topic_id(&topic)?;
            let leader = c.leader(&topic, 0)?;
            for id in [id, Uuid::from_u128(77)] {
                let mut request = produce_request(-1, "", 0, Batch::of(1).bytes());
                request.topic_data[0].topic_id = id;
                let answer = c.ask(leader, 13, &request)?;
                c.see(produced(&answer.responses[0].partition_responses[0]));
            }
            Ok(())
        },
        &["NONE at 0, log from 0", "UNKNOWN_TOPIC_ID at -1, log from -1"],
    ),
    case(
        "produce/not the leader",
        |c| {
            let topic = c.topic("t", 1)?;
            let follower = c.follower(&topic, 0)?;
            let leader = c.leader(&topic, 0)?;
            for acks in [1, -1] {
                let request = produce_request(acks, &topic, 0, Batch::of(1).bytes());
                let answer = c.ask(follower, 11, &request)?;
                let partition = &answer.responses[0].partition_responses[0];
                c.see(produced(partition));
                let hint = &partition.current_leader;
                let told = hint.leader_id.0 == leader;
                c.see_leader_hint(told, hint.leader_epoch, answer.node_endpoints.len());
            }
            Ok(())
        },
        &[
            "NOT_LEADER_OR_FOLLOWER at -1, log from -1",
            "leader told true, epoch 0",
            "endpoints 1",
            "NOT_LEADER_OR_FOLLOWER at -1, log from -1",
            "leader told true, epoch 0",
            "endpoints 1",
        ],
    ),
    case(
        "produce/to an internal topic",
        |c| {
            c.coordinator(GROUP, "anybody")?;
            let leader = c.leader("__consumer_offsets", 0)?;
            let answer = c.produce(leader, -1, "__consumer_offsets", 0, Batch::of(1).bytes())?;
            c.see(answer);
            Ok(())
        },
        &["INVALID_TOPIC_EXCEPTION at -1, log from -1"],
    ),
    case(
        "produce/empty records",
        |c| try_batch(c, Bytes::new()),
        &["INVALID_RECORD at -1, log from -1", "end 0"],
    ),
    case(
        "produce/no records",
        |c| {
            let topic = c.topic("t", 1)?;
            let leader = c.leader(&topic, 0)?;
            let mut request = produce_request(-1, &topic, 0, Bytes::new());
            request.topic_data[0].partition_data[0].records = None;
            let mut connection = c.connect(leader)?;
            connection.send(11, &request)?;
            let next = connection.next(Duration::from_secs(3))?;
            c.see(next);
            Ok(())
        },
        &["silence"],
    ),
    case(
        "produce/two batches at once",
        |c| {
            let two = [Batch::of(2).bytes(), Batch::of(2).bytes()].concat();
            try_batch(c, two.into())
        },
        &["INVALID_RECORD at -1, log from -1", "end 0"],
    ),
    case(
        "produce/a wrong checksum",
        |c| try_batch(c, changed(|bytes| bytes[70] ^= 1)),
        &["CORRUPT_MESSAGE at -1, log from -1", "end 0"],
    ),
    case(
        "produce/a torn batch",
        |c| {
            let batch = Batch::of(3).bytes();
            try_batch(c, batch.slice(..batch.len() - 1))
        },
        &["INVALID_RECORD at -1, log from -1", "end 0"],
    ),
    case(
        "produce/fewer bytes than a header",
        |c| try_batch(c, Batch::of(3).bytes().slice(..30)),
        &["INVALID_RECORD at -1, log from -1", "end 0"],
    ),
    case(
        "produce/a batch that says it is tiny",
        |c| try_batch(c, changed(|bytes| bytes[8..12].copy_from_slice(&[0, 0, 0, 3]))),
        &["CORRUPT_MESSAGE at -1, log from -1", "end 0"],
    ),
    case(
        "produce/magic 3",
        |c| try_batch(c, Batch { magic: 3, ..Batch::of(1) }.bytes()),
        &["CORRUPT_MESSAGE at -1, log from -1", "end 0"],
    ),
    case(
        "produce/message format 0",
        |c| try_batch(c, legacy(0)),
        &["INVALID_RECORD at -1, log from -1", "end 0"],
    ),
    case(
        "produce/message format 1",
        |c| try_batch(c, legacy(1)),
        &["INVALID_RECORD at -1, log from -1", "end 0"],
    ),
    case(
        "produce/a base offset that is not 0",
        |c| try_batch(c, Batch { base_offset: 5, ..Batch::of(2) }.bytes()),
        &["INVALID_RECORD at -1, log from 0", "end 0"],
    ),
    case(
        "produce/a wrong count of records",
        |c| {
            try_batch(
                c,
                changed(|bytes| {
                    bytes[60] = 2;
                    checksum(bytes);
                }),
            )
        },
        &["INVALID_RECORD at -1, log from 0", "end 0"],
    ),
    case(
        "produce/a wrong last offset delta",
        |c| {
            try_batch(
                c,
                changed(|bytes| {
                    bytes[26] = 9;
                    checksum(bytes);
                }),
            )
        },
        &["INVALID_RECORD at -1, log from 0", "end 0"],
    ),
    case(
        "produce/no record in a batch",
        |c| try_batch(c, Batch::of(0).bytes()),
        &["INVALID_RECORD at -1, log from 0", "end 0"],
    ),
    case(
        "produce/a control batch of a client",
        |c| try_batch(c, Batch { attributes: CONTROL, ..Batch::of(1) }.bytes()),
        &["INVALID_RECORD at -1, log from 0", "end 0"],
    ),
    case(
        "produce/a transactional batch without a producer id",
        |c| {
            let topic = c.topic("t", 1)?;
            let answer =
                c.write_transactional(11, "x", &topic, Batch::of(1).transactional().bytes())?;
            c.see(answer);
            Ok(())
        },
        &["NONE at 0, log from 0"],
    ),
    case(
        "produce/an unknown compression",
        |c| try_batch(c, Batch { attributes: 7, ..Batch::of(1) }.bytes()),
        &["UNKNOWN_SERVER_ERROR at -1, log from 0", "end 0"],
    ),
    case(
        "produce/a batch above max.message.bytes",
        |c| {
            let batch = Batch { value_bytes: 3_000, ..Batch::of(1) };
            try_batch_with(c, &[("max.message.bytes", "2000")], batch.bytes())
        },
        &["MESSAGE_TOO_LARGE at -1, log from -1", "end 0"],
    ),
    case(
        "produce/a batch of a megabyte and more",
        |c| try_batch(c, Batch { value_bytes: 1 << 20, ..Batch::of(1) }.bytes()),
        &["MESSAGE_TOO_LARGE at -1, log from -1", "end 0"],
    ),
    case(
        "produce/records stamped by the broker",
        |c| {
            let configs = [("message.timestamp.type", "LogAppendTime")];
            try_batch_with(c, &configs, Batch::of(2).bytes())
        },
        &["NONE at 0, log from 0, stamped by the broker", "end 2"],
    ),
    case(
        "produce/a time far in the future",
        |c| {
            let mut batch = Batch::of(2);
            batch.timestamps[1] = 7_000_000_000_000;
            try_batch(c, batch.bytes())
        },
        &["INVALID_TIMESTAMP at -1, log from 0, records 1", "end 0"],
    ),
    case(
        "produce/a time before message.timestamp.before.max.ms",
        |c| {
            let configs = [("message.timestamp.before.max.ms", "1000")];
            try_batch_with(c, &configs, Batch::of(2).bytes())
        },
        &["INVALID_TIMESTAMP at -1, log from 0, records 0 1", "end 0"],
    ),
    case(
        "produce/no key where the topic is compacted",
        |c| try_batch_with(c, &[("cleanup.policy", "compact")], Batch::of(2).bytes()),
        &["INVALID_RECORD at -1, log from 0, records 0 1", "end 0"],
    ),
    case(
        "produce/a key where the topic is compacted",
        |c| {
            let batch = Batch { key: Some("key"), ..Batch::of(2) };
            try_batch_with(c, &[("cleanup.policy", "compact")], batch.bytes())
        },
        &["NONE at 0, log from 0", "end 2"],
    ),
    case(
        "produce/fewer in sync than min.insync.replicas",
        |c| {
            let topic = c.topic_with("t", 1, 1, &[("min.insync.replicas", "2")])?;
            let leader = c.leader(&topic, 0)?;
            for acks in [-1, 1] {
                let answer = c.produce(leader, acks, &topic, 0, Batch::of(1).bytes())?;
                c.see(answer);
            }
            Ok(())
        },
        &["NONE at 0, log from 0", "NONE at 1, log from 0"],
    ),
    case(
        "produce/in each version",
        |c| {
            let topic = c.topic("t", 1)?;
            let leader = c.leader(&topic, 0)?;
            for version in 3..=12 {
                let request = produce_request(-1, &topic, 0, Batch::of(1).bytes());
                let answer = c.ask(leader, version, &request)?;
                c.see(produced(&answer.responses[0].partition_responses[0]));
            }
            Ok(())
        },
        &[
            "NONE at 0, log from -1",
            "NONE at 1, log from -1",
            "NONE at 2, log from 0",
            "NONE at 3, log from 0",
            "NONE at 4, log from 0",
            "NONE at 5, log from 0",
            "NONE at 6, log from 0",
            "NONE at 7, log from 0",
            "NONE at 8, log from 0",
            "NONE at 9, log from 0",
        ],
    ),
    case(
        "produce/partitions in one request fail one by one",
        |c| {
            let topic = c.topic_with("t", 1, 3, &[])?;
            let leader = c.leader(&topic, 0)?;
            let mut request = produce_request(-1, &topic, 0, Batch::of(1).bytes());
            let bad = produce_request(-1, &topic, 5, Batch::of(1).bytes());
            request.topic_data[0].partition_data.push(bad.topic_data[0].partition_data[0].clone());
            request.topic_data.push(
                produce_request(-1, "no-such-topic", 0, Batch::of(1).bytes()).topic_data[0].clone(),
            );
            let answer: ProduceResponse = c.ask(leader, 11, &request)?;
            let mut lines: Vec<String> = Vec::new();
            for topic in &answer.responses {
                for one in &topic.partition_responses {
                    lines.push(format!("{} {} {}", &*topic.name.0, one.index, produced(one)));
                }
            }
            lines.sort();
            lines.into_iter().for_each(|line| c.see(line));
            Ok(())
        },
        &[
            "no-such-topic 0 UNKNOWN_TOPIC_OR_PARTITION at -1, log from -1",
            "t 0 NONE at 0, log from 0",
            "t 5 UNKNOWN_TOPIC_OR_PARTITION at -1, log from -1",
        ],
    ),
];
