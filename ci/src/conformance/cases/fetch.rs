//! Fetch: offsets, epochs, sizes, waiting, sessions.

use std::time::Duration;

use kafka_protocol::messages::fetch_request::ForgottenTopic;
use kafka_protocol::messages::*;
use uuid::Uuid;

use super::{Case, case};
use crate::conformance::batch::Batch;
use crate::conformance::context::Context;
use crate::conformance::names::{error, topic_name};
use crate::conformance::records::{fetch_request, fetched};
use crate::micro::now;

/// A topic with batches of 2, 3 and 1 records, and its leader.
fn written(c: &mut Context<'_>) -> anyhow::Result<(String, i32)> {
    let topic = c.topic("t", 1)?;
    for records in [2, 3, 1] {
        c.write(&topic, 0, Batch { value_bytes: 1_000, ..Batch::of(records) }.bytes())?;
    }
    let leader = c.leader(&topic, 0)?;
    Ok((topic, leader))
}

/// Fetches with a change to the plain request and notes the answer.
fn fetch(
    c: &mut Context<'_>,
    offset: i64,
    change: impl Fn(&mut FetchRequest),
) -> anyhow::Result<()> {
    let (topic, leader) = written(c)?;
    let mut request = fetch_request(&topic, 0, offset);
    change(&mut request);
    let answer = c.fetch(leader, &request)?;
    c.see(answer);
    Ok(())
}

/// Asks within a session and notes the error, whether there is a session, and the partitions.
fn in_session(c: &mut Context<'_>, leader: i32, request: &FetchRequest) -> anyhow::Result<i32> {
    let answer = c.ask(leader, 12, request)?;
    let session = if answer.session_id == 0 { "no session" } else { "a session" };
    c.see(format!("{} {session}", error(answer.error_code)));
    for topic in &answer.responses {
        for partition in &topic.partitions {
            c.see(format!("{} {}", partition.partition_index, fetched(partition)));
        }
    }
    Ok(answer.session_id)
}

/// The request that opens a session for one partition.
fn opening(topic: &str) -> FetchRequest {
    fetch_request(topic, 0, 0).with_session_id(0).with_session_epoch(0)
}

/// The next request of a session, with nothing changed.
fn following(session: i32, epoch: i32) -> FetchRequest {
    let request = fetch_request("", 0, 0).with_session_id(session).with_session_epoch(epoch);
    request.with_topics(Vec::new())
}

impl Context<'_> {
    /// Waits until a follower has heard of this high watermark, or refuses to say.
    fn follower_knows(&mut self, follower: i32, topic: &str, offset: i64) -> anyhow::Result<()> {
        let request = fetch_request(topic, 0, 0);
        self.until("the follower's high watermark", |c| {
            let answer = c.ask(follower, 12, &request)?;
            let partition = &answer.responses[0].partitions[0];
            let known = partition.error_code != 0 || partition.high_watermark >= offset;
            Ok(known.then_some(()))
        })
    }
}

pub(crate) const CASES: &[Case] = &[
    case(
        "fetch/from the start",
        |c| fetch(c, 0, |_| {}),
        &["NONE [0-1, 2-4, 5-5] up to 6/6, log from 0"],
    ),
    case(
        "fetch/from the middle of a batch",
        |c| fetch(c, 3, |_| {}),
        &["NONE [2-4, 5-5] up to 6/6, log from 0"],
    ),
    case("fetch/at the end", |c| fetch(c, 6, |_| {}), &["NONE [] up to 6/6, log from 0"]),
    case(
        "fetch/beyond the end",
        |c| fetch(c, 7, |_| {}),
        &["OFFSET_OUT_OF_RANGE [] up to -1/-1, log from -1"],
    ),
    case(
        "fetch/a negative offset",
        |c| fetch(c, -1, |_| {}),
        &["OFFSET_OUT_OF_RANGE [] up to -1/-1, log from -1"],
    ),
    case(
        "fetch/before the start of the log",
        |c| {
            let (topic, leader) = written(c)?;
            c.delete_before(leader, &topic, 3)?;
            for offset in [0, 2, 3] {
                let answer = c.read(&topic, 0, offset)?;
                c.see(answer);
            }
            Ok(())
        },
        &[
            "OFFSET_OUT_OF_RANGE [] up to -1/-1, log from -1",
            "OFFSET_OUT_OF_RANGE [] up to -1/-1, log from -1",
            "NONE [2-4, 5-5] up to 6/6, log from 3",
        ],
    ),
    case(
        "fetch/the first batch whole above partition.max.bytes",
        |c| fetch(c, 0, |request| request.topics[0].partitions[0].partition_max_bytes = 10),
        &["NONE [0-1] up to 6/6, log from 0"],
    ),
    case(
        "fetch/the first batch whole above max.bytes",
        |c| fetch(c, 0, |request| request.max_bytes = 10),
        &["NONE [0-1] up to 6/6, log from 0"],
    ),
    case(
        "fetch/two batches and a part of the third",
        |c| fetch(c, 0, |request| request.topics[0].partitions[0].partition_max_bytes = 5_500),
        &["NONE [0-1, 2-4, torn] up to 6/6, log from 0"],
    ),
    case(
        "fetch/zero bytes",
        |c| {
            fetch(c, 0, |request| {
                request.max_bytes = 0;
                request.topics[0].partitions[0].partition_max_bytes = 0;
            })
        },
        &["NONE [0-1] up to 6/6, log from 0"],
    ),
    case(
        "fetch/an unknown topic",
        |c| {
            let answer = c.fetch(1, &fetch_request("no-such-topic", 0, 0))?;
            c.see(answer);
            Ok(())
        },
        &["UNKNOWN_TOPIC_OR_PARTITION [] up to -1/-1, log from -1, aborted from []"],
    ),
    case(
        "fetch/an unknown partition",
        |c| fetch(c, 0, |request| request.topics[0].partitions[0].partition = 5),
        &["UNKNOWN_TOPIC_OR_PARTITION [] up to -1/-1, log from -1, aborted from []"],
    ),
    case(
        "fetch/from a follower",
        |c| {
            let (topic, leader) = written(c)?;
            let follower = c.follower(&topic, 0)?;
            let mut request = fetch_request(&topic, 0, 0);
            request.topics[0].topic_id = c.topic_id(&topic)?;
            request.topics[0].topic = topic_name("");
            c.follower_knows(follower, &topic, 6)?;
            let answer = c.ask(follower, 16, &request)?;
            let partition = &answer.responses[0].partitions[0];
            c.see(fetched(partition));
            let hint = &partition.current_leader;
            let told = hint.leader_id.0 == leader;
            c.see_leader_hint(told, hint.leader_epoch, answer.node_endpoints.len());
            Ok(())
        },
        &[
            "NONE [0-1, 2-4, 5-5] up to 6/6, log from 0",
            "leader told false, epoch -1",
            "endpoints 0",
        ],
    ),
    case(
        "fetch/from a follower before and after clients say where they are",
        |c| {
            let (topic, _) = written(c)?;
            let follower = c.follower(&topic, 0)?;
            let answer = c.ask(follower, 10, &fetch_request(&topic, 0, 0))?;
            c.see(fetched(&answer.responses[0].partitions[0]));
            c.follower_knows(follower, &topic, 6)?;
            let mut request = fetch_request(&topic, 0, 0);
            request.topics[0].partitions[0].current_leader_epoch = 0;
            let answer = c.fetch(follower, &request)?;
            c.see(answer);
            Ok(())
        },
        &[
            "NOT_LEADER_OR_FOLLOWER [] up to -1/-1, log from -1",
            "NONE [0-1, 2-4, 5-5] up to 6/6, log from 0",
        ],
    ),
    case(
        "fetch/an epoch to come",
        |c| fetch(c, 0, |request| request.topics[0].partitions[0].current_leader_epoch = 4),
        &["UNKNOWN_LEADER_EPOCH [] up to -1/-1, log from -1"],
    ),
    case(
        "fetch/the current epoch",
        |c| fetch(c, 0, |request| request.topics[0].partitions[0].current_leader_epoch = 0),
        &["NONE [0-1, 2-4, 5-5] up to 6/6, log from 0"],
    ),
    case(
        "fetch/a last fetched epoch that the log does not have",
        |c| fetch(c, 6, |request| request.topics[0].partitions[0].last_fetched_epoch = 3),
        &["OFFSET_OUT_OF_RANGE [] up to -1/-1, log from -1"],
    ),
    case(
        "fetch/a last fetched epoch that the log has",
        |c| fetch(c, 6, |request| request.topics[0].partitions[0].last_fetched_epoch = 0),
        &["NONE [] up to 6/6, log from 0"],
    ),
    case(
        "fetch/by topic id",
        |c| {
            let (topic, leader) = written(c)?;
            let id = c.topic_id(&topic)?;
            for id in [id, Uuid::from_u128(77)] {
                let mut request = fetch_request(&topic, 0, 0);
                request.topics[0].topic = topic_name("");
                request.topics[0].topic_id = id;
                let answer = c.ask(leader, 13, &request)?;
                let code = error(answer.error_code);
                c.see(format!("{code} {}", fetched(&answer.responses[0].partitions[0])));
            }
            Ok(())
        },
        &[
            "NONE NONE [0-1, 2-4, 5-5] up to 6/6, log from 0",
            "NONE UNKNOWN_TOPIC_ID [] up to -1/-1, log from -1, aborted from []",
        ],
    ),
    case(
        "fetch/waits for bytes",
        |c| {
            let (topic, leader) = written(c)?;
            let request = fetch_request(&topic, 0, 6).with_min_bytes(1).with_max_wait_ms(700);
            let start = now();
            let answer = c.fetch(leader, &request)?;
            c.see(format!("{} {answer}", start.elapsed() >= Duration::from_millis(690)));
            Ok(())
        },
        &["true NONE [] up to 6/6, log from 0"],
    ),
    case(
        "fetch/is woken by a write",
        |c| {
            let (topic, leader) = written(c)?;
            let request = fetch_request(&topic, 0, 6).with_min_bytes(1).with_max_wait_ms(15_000);
            let mut connection = c.connect(leader)?;
            let start = now();
            connection.send(12, &request)?;
            c.write(&topic, 0, Batch::of(2).bytes())?;
            let answer = connection.receive::<FetchRequest>(12)?;
            c.see(fetched(&answer.responses[0].partitions[0]));
            c.see(start.elapsed() < Duration::from_secs(10));
            Ok(())
        },
        &["NONE [6-7] up to 8/8, log from 0", "true"],
    ),
    case(
        "fetch/an error does not wait",
        |c| {
            let (topic, leader) = written(c)?;
            let request = fetch_request(&topic, 0, 60).with_min_bytes(1).with_max_wait_ms(15_000);
            let start = now();
            let answer = c.fetch(leader, &request)?;
            c.see(format!("{} {answer}", start.elapsed() < Duration::from_secs(10)));
            Ok(())
        },
        &["true OFFSET_OUT_OF_RANGE [] up to -1/-1, log from -1"],
    ),
    case(
        "fetch/by a replica that is none",
        |c| fetch(c, 0, |request| request.replica_id = BrokerId(77)),
        &["NOT_LEADER_OR_FOLLOWER [] up to -1/-1, log from -1"],
    ),
    case(
        "fetch/in each version",
        |c| {
            let (topic, leader) = written(c)?;
            for version in 4..=12 {
                let answer = c.ask(leader, version, &fetch_request(&topic, 0, 0))?;
                c.see(fetched(&answer.responses[0].partitions[0]));
            }
            Ok(())
        },
        &[
            "NONE [0-1, 2-4, 5-5] up to 6/6, log from -1",
            "NONE [0-1, 2-4, 5-5] up to 6/6, log from 0",
            "NONE [0-1, 2-4, 5-5] up to 6/6, log from 0",
            "NONE [0-1, 2-4, 5-5] up to 6/6, log from 0",
            "NONE [0-1, 2-4, 5-5] up to 6/6, log from 0",
            "NONE [0-1, 2-4, 5-5] up to 6/6, log from 0",
            "NONE [0-1, 2-4, 5-5] up to 6/6, log from 0",
            "NONE [0-1, 2-4, 5-5] up to 6/6, log from 0",
            "NONE [0-1, 2-4, 5-5] up to 6/6, log from 0",
        ],
    ),
    case(
        "sessions/opened and followed",
        |c| {
            let (topic, leader) = written(c)?;
            let session = in_session(c, leader, &opening(&topic))?;
            in_session(c, leader, &following(session, 1))?;
            c.write(&topic, 0, Batch::of(1).bytes())?;
            in_session(c, leader, &following(session, 2))?;
            let at_end = fetch_request(&topic, 0, 7).with_session_id(session).with_session_epoch(3);
            in_session(c, leader, &at_end)?;
            in_session(c, leader, &following(session, 4))?;
            c.write(&topic, 0, Batch::of(2).bytes())?;
            in_session(c, leader, &following(session, 5))?;
            Ok(())
        },
        &[
            "NONE a session",
            "0 NONE [0-1, 2-4, 5-5] up to 6/6, log from 0",
            "NONE a session",
            "0 NONE [0-1, 2-4, 5-5] up to 6/6, log from 0",
            "NONE a session",
            "0 NONE [0-1, 2-4, 5-5, 6-6] up to 7/7, log from 0",
            "NONE a session",
            "NONE a session",
            "NONE a session",
            "0 NONE [7-8] up to 9/9, log from 0",
        ],
    ),
    case(
        "sessions/a wrong epoch",
        |c| {
            let (topic, leader) = written(c)?;
            let session = in_session(c, leader, &opening(&topic))?;
            in_session(c, leader, &following(session, 5))?;
            Ok(())
        },
        &[
            "NONE a session",
            "0 NONE [0-1, 2-4, 5-5] up to 6/6, log from 0",
            "INVALID_FETCH_SESSION_EPOCH no session",
        ],
    ),
    case(
        "sessions/an unknown session",
        |c| {
            let (_, leader) = written(c)?;
            in_session(c, leader, &following(123_456, 1))?;
            Ok(())
        },
        &["FETCH_SESSION_ID_NOT_FOUND no session"],
    ),
    case(
        "sessions/closed",
        |c| {
            let (topic, leader) = written(c)?;
            let session = in_session(c, leader, &opening(&topic))?;
            in_session(c, leader, &following(session, -1))?;
            in_session(c, leader, &following(session, 1))?;
            Ok(())
        },
        &[
            "NONE a session",
            "0 NONE [0-1, 2-4, 5-5] up to 6/6, log from 0",
            "NONE no session",
            "FETCH_SESSION_ID_NOT_FOUND no session",
        ],
    ),
    case(
        "sessions/a partition forgotten",
        |c| {
            let (topic, leader) = written(c)?;
            let session = in_session(c, leader, &opening(&topic))?;
            let forgotten = ForgottenTopic::default().with_topic(topic_name(&topic));
            let forgotten = forgotten.with_partitions(vec![0]);
            let request = following(session, 1).with_forgotten_topics_data(vec![forgotten]);
            in_session(c, leader, &request)?;
            Ok(())
        },
        &["NONE a session", "0 NONE [0-1, 2-4, 5-5] up to 6/6, log from 0", "NONE no session"],
    ),
    case(
        "sessions/an unknown topic in a session is told each time",
        |c| {
            let (_, leader) = written(c)?;
            let session = in_session(c, leader, &opening("no-such-topic"))?;
            in_session(c, leader, &following(session, 1))?;
            Ok(())
        },
        &[
            "NONE a session",
            "0 UNKNOWN_TOPIC_OR_PARTITION [] up to -1/-1, log from -1, aborted from []",
            "NONE a session",
            "0 UNKNOWN_TOPIC_OR_PARTITION [] up to -1/-1, log from -1, aborted from []",
        ],
    ),
];
