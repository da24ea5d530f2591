//! A real producer (librdkafka) whose requests fail in every way that its broker may have.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

#[path = "clients/support.rs"]
#[expect(dead_code, reason = "the tests with consumer groups use the rest")]
mod support;

use embedded_kafka::{Affected, ApiFailure, EmbeddedKafka, RequestOutcome};
use rdkafka::message::Message;

use support::{consumer, poll_until, produce};

const PRODUCE: i16 = 0;
const METADATA: i16 = 3;
const INIT_PRODUCER_ID: i16 = 22;

/// NOT_LEADER_OR_FOLLOWER, REQUEST_TIMED_OUT, NOT_ENOUGH_REPLICAS, the same after the append,
/// KAFKA_STORAGE_ERROR, and a lost acknowledgement.
const OUTCOMES: [RequestOutcome; 6] = [
    RequestOutcome::Error(6),
    RequestOutcome::Error(7),
    RequestOutcome::Error(19),
    RequestOutcome::Error(20),
    RequestOutcome::Error(56),
    RequestOutcome::AnswerLost,
];

fn failure(api_key: i16, outcome: RequestOutcome, count: u64) -> ApiFailure {
    ApiFailure { api_key, outcome, affected: Affected::Next(count), spared: Vec::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotent_producer_survives_each_failure_without_loss_or_duplicate() {
    let kafka = EmbeddedKafka::start(3).await.unwrap();
    kafka.create_topic("numbers", 3).unwrap();
    let servers = kafka.bootstrap_servers();
    let each = 300u64;
    let mut acknowledged = Vec::new();
    for (index, outcome) in OUTCOMES.into_iter().enumerate() {
        for id in 1..=3 {
            kafka.fail_requests(id, failure(PRODUCE, outcome, 2)).unwrap();
        }
        // LEADER_NOT_AVAILABLE and COORDINATOR_LOAD_IN_PROGRESS on the way to the first send.
        for (api_key, code) in [(METADATA, 5), (INIT_PRODUCER_ID, 14)] {
            kafka.fail_requests(1, failure(api_key, RequestOutcome::Error(code), 1)).unwrap();
        }
        let range = index as u64 * each..(index as u64 + 1) * each;
        let (servers, settings) = (servers.clone(), [("enable.idempotence", "true")]);
        let sent = move || produce(&servers, "numbers", range, &settings);
        acknowledged.extend(tokio::task::spawn_blocking(sent).await.unwrap());
        let failed: u64 = (1..=3).map(|id| kafka.restore_requests(id, PRODUCE).requests).sum();
        assert_eq!(failed, 6, "{outcome:?} landed on each leader");
    }
    let count = OUTCOMES.len() as u64 * each;
    acknowledged.sort_unstable();
    assert_eq!(acknowledged, (0..count).collect::<Vec<u64>>());
    let ends: i64 =
        kafka.partitions("numbers").unwrap().iter().map(|part| part.high_watermark).sum();
    assert_eq!(ends, count as i64, "no duplicate");
    let mut seen = vec![false; count as usize];
    let reader = consumer(&servers, "numbers", 3);
    let mut left = count;
    poll_until(&reader, |message| {
        let number = u64::from_be_bytes(message.payload().unwrap()[..8].try_into().unwrap());
        assert!(!std::mem::replace(&mut seen[number as usize], true), "{number} came twice");
        left -= 1;
        left == 0
    });
    kafka.shutdown().await;
}
