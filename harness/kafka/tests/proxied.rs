//! The same failures done to brokers from outside, by proxies that read requests.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

#[path = "clients/support.rs"]
#[expect(dead_code, reason = "the tests with consumer groups use the rest")]
mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use embedded_kafka::{
    Affected, ApiFailure, EmbeddedKafka, Quota, QuotaTarget, RequestOutcome, RequestProxy,
    RequestRules,
};
use rdkafka::consumer::BaseConsumer;
use rdkafka::message::Message;

use support::{consumer, poll_until, produce};

const PRODUCE: i16 = 0;
const FETCH: i16 = 1;
const METADATA: i16 = 3;
const INIT_PRODUCER_ID: i16 = 22;
const LISTENER: &str = "read";
/// Far longer than any test.
const LONG: Duration = Duration::from_secs(60);

/// Brokers whose clients all come by way of a proxy.
struct World {
    kafka: EmbeddedKafka,
    proxies: Vec<RequestProxy>,
    /// By broker.
    rules: Vec<Arc<RequestRules>>,
}

impl World {
    async fn start(brokers: usize) -> Self {
        let kafka = EmbeddedKafka::start(brokers).await.unwrap();
        let (mut proxies, mut rules) = (Vec::new(), Vec::new());
        for (id, upstream) in (1..).zip(kafka.add_listener(LISTENER).await.unwrap()) {
            let own = Arc::new(RequestRules::new(7));
            let listen = SocketAddr::from(([127, 0, 0, 1], 0));
            let proxy = RequestProxy::start(listen, upstream, Arc::clone(&own)).await.unwrap();
            kafka.advertise(LISTENER, id, proxy.address()).unwrap();
            proxies.push(proxy);
            rules.push(own);
        }
        Self { kafka, proxies, rules }
    }

    fn servers(&self) -> String {
        let addresses = self.proxies.iter().map(|proxy| proxy.address().to_string());
        addresses.collect::<Vec<_>>().join(",")
    }

    /// Sends numbers as a client would, while this thread is free.
    async fn send(&self, numbers: std::ops::Range<u64>) -> Vec<u64> {
        let servers = self.servers();
        let settings = [("enable.idempotence", "true")];
        let sent = move || produce(&servers, "numbers", numbers, &settings);
        tokio::task::spawn_blocking(sent).await.unwrap()
    }

    fn written(&self) -> i64 {
        let partitions = self.kafka.partitions("numbers").unwrap();
        partitions.iter().map(|partition| partition.high_watermark).sum()
    }

    async fn end(self) {
        for proxy in self.proxies {
            proxy.shutdown().await;
        }
        self.kafka.shutdown().await;
    }
}

fn failure(api_key: i16, outcome: RequestOutcome, count: u64) -> ApiFailure {
    ApiFailure { api_key, outcome, affected: Affected::Next(count), spared: Vec::new() }
}

/// NOT_LEADER_OR_FOLLOWER, REQUEST_TIMED_OUT, NOT_ENOUGH_REPLICAS, the same after the append,
/// KAFKA_STORAGE_ERROR, and a lost acknowledgement; and whether the records are written.
const OUTCOMES: [(RequestOutcome, bool); 6] = [
    (RequestOutcome::Error(6), false),
    (RequestOutcome::Error(7), true),
    (RequestOutcome::Error(19), false),
    (RequestOutcome::Error(20), true),
    (RequestOutcome::Error(56), false),
    (RequestOutcome::AnswerLost, true),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotent_producer_survives_each_failure_without_loss_or_duplicate() {
    let world = World::start(3).await;
    world.kafka.create_topic("numbers", 3).unwrap();
    let each = 300u64;
    for (index, (outcome, is_written)) in OUTCOMES.into_iter().enumerate() {
        for rules in &world.rules {
            rules.fail_requests(failure(PRODUCE, outcome, 2)).unwrap();
        }
        // LEADER_NOT_AVAILABLE and COORDINATOR_LOAD_IN_PROGRESS on the way to the first send.
        for (api_key, code) in [(METADATA, 5), (INIT_PRODUCER_ID, 14)] {
            let next = failure(api_key, RequestOutcome::Error(code), 1);
            world.rules.iter().for_each(|rules| rules.fail_requests(next.clone()).unwrap());
        }
        let range = index as u64 * each..(index as u64 + 1) * each;
        let mut acknowledged = world.send(range.clone()).await;
        acknowledged.sort_unstable();
        assert_eq!(acknowledged, range.collect::<Vec<_>>(), "{outcome:?}");
        for rules in &world.rules {
            let failed = rules.restore_requests(PRODUCE);
            assert_eq!(failed.requests, 2, "{outcome:?} landed on each leader");
            assert_eq!(failed.carried_out > 0, is_written, "{outcome:?}: {failed:?}");
        }
        for api_key in [METADATA, INIT_PRODUCER_ID] {
            let failed = world.rules.iter().map(|rules| rules.restore_requests(api_key).requests);
            assert!(failed.sum::<u64>() > 0, "API {api_key} failed somewhere");
        }
    }
    let count = OUTCOMES.len() as u64 * each;
    assert_eq!(world.written(), count as i64, "no duplicate");
    let reader = consumer(&world.servers(), "numbers", 3);
    let mut left = count;
    poll_until(&reader, |_| {
        left -= 1;
        left == 0
    });
    world.end().await;
}

/// The first record, as a client reads it that waits for as long as it takes.
fn first(reader: &BaseConsumer) -> u64 {
    let mut number = None;
    poll_until(reader, |message| {
        number = Some(u64::from_be_bytes(message.payload().unwrap()[..8].try_into().unwrap()));
        true
    });
    number.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_get_over_errors_and_wait_until_a_stall_ends() {
    let world = World::start(1).await;
    world.kafka.create_topic("numbers", 1).unwrap();
    world.send(0..5).await;
    let rules = &world.rules[0];
    // KAFKA_STORAGE_ERROR.
    rules.fail_requests(failure(FETCH, RequestOutcome::Error(56), 2)).unwrap();
    assert_eq!(first(&consumer(&world.servers(), "numbers", 1)), 0);
    assert_eq!(rules.restore_requests(FETCH).requests, 2);
    // librdkafka's own name for who gives none.
    rules.stall_requests(FETCH, LONG, &["rdkafka"]).unwrap();
    assert_eq!(first(&consumer(&world.servers(), "numbers", 1)), 0, "it is spared");
    assert_eq!(rules.stalled_requests(FETCH), 0);
    rules.stall_requests(FETCH, LONG, &[]).unwrap();
    let reader = consumer(&world.servers(), "numbers", 1);
    while rules.stalled_requests(FETCH) == 0 {
        assert!(reader.poll(Duration::from_millis(20)).is_none(), "nothing comes");
    }
    world.send(5..6).await;
    assert_eq!(world.written(), 6, "what is written does not wait");
    assert_eq!(rules.end_stall(FETCH), 1);
    assert_eq!(first(&reader), 0);
    world.end().await;
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream
}

/// A request with the client id "me" and this correlation id.
fn request(key: u8, version: u8, correlation: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, key, 0, version, 0, 0, 0, correlation, 0, 2, b'm', b'e'];
    frame.extend_from_slice(body);
    [&(frame.len() as u32).to_be_bytes()[..], &frame].concat()
}

/// A Produce of version 3 without topics.
fn nothing(acks: u8, correlation: u8) -> Vec<u8> {
    request(0, 3, correlation, &[255, 255, 0, acks, 0, 0, 0, 100, 0, 0, 0, 0])
}

/// The correlation id of the next answer, and its body; nothing when the connection is closed.
fn answer(stream: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut body = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut body).ok()?;
    Some((body[3], body.split_off(4)))
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_in_the_order_of_the_requests_whoever_gives_them() {
    let world = World::start(1).await;
    world.kafka.create_topic("numbers", 1).unwrap();
    // COORDINATOR_NOT_AVAILABLE, of a FindCoordinator of version 0.
    world.rules[0].fail_requests(failure(10, RequestOutcome::Error(15), 1)).unwrap();
    let mut stream = connect(world.proxies[0].address());
    let versions = |correlation| request(18, 0, correlation, &[]);
    let find = |correlation| request(10, 0, correlation, &[0, 1, b'g']);
    let asked = [versions(1), find(2), nothing(0, 3), nothing(1, 4), find(5)].concat();
    stream.write_all(&asked).unwrap();
    let mut answers = Vec::new();
    while answers.len() < 4 {
        answers.push(answer(&mut stream).unwrap());
    }
    let order: Vec<u8> = answers.iter().map(|(correlation, _)| *correlation).collect();
    assert_eq!(order, [1, 2, 4, 5], "a Produce with acks=0 has no answer");
    assert_eq!(answers[1].1[..2], [0, 15], "the second is refused");
    assert_eq!(answers[3].1[..2], [0, 0], "the last is not");
    assert_eq!(world.rules[0].restore_requests(10).requests, 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_answer_never_comes_has_not_failed_and_another_does() {
    let world = World::start(1).await;
    let rules = &world.rules[0];
    rules.fail_requests(failure(PRODUCE, RequestOutcome::AnswerLost, 2)).unwrap();
    assert_eq!(rules.out_of_order(), ["API 0: fails"]);
    for lost in 1..=2 {
        let mut stream = connect(world.proxies[0].address());
        stream.write_all(&[nothing(1, 1), nothing(1, 2)].concat()).unwrap();
        assert_eq!(answer(&mut stream), None);
        assert_eq!(rules.failed_requests(PRODUCE).requests, lost, "the first closes for both");
    }
    assert_eq!(rules.restore_requests(PRODUCE).carried_out, 2);
    assert!(rules.out_of_order().is_empty());
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pauses_that_a_broker_tells_of_are_counted() {
    let world = World::start(1).await;
    world.kafka.create_topic("numbers", 1).unwrap();
    let quota = Quota { producer_bytes: Some(1.0), ..Quota::default() };
    world.kafka.set_quota(QuotaTarget::client("me"), quota).unwrap();
    let mut stream = connect(world.proxies[0].address());
    stream.write_all(&nothing(1, 1)).unwrap();
    let (_, body) = answer(&mut stream).unwrap();
    let told = u32::from_be_bytes(body[4..8].try_into().unwrap());
    assert!(told > 0, "{body:?}");
    let counted = world.rules[0].throttled();
    assert_eq!(counted.answers, 1);
    assert_eq!(counted.time, Duration::from_millis(told.into()));
    assert_eq!(counted, world.kafka.throttled(1));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_nonsense_is_cut_off_and_what_cannot_fail_is_refused() {
    let world = World::start(1).await;
    for nonsense in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0, 0, 0, 3, 1, 2, 3], &[0xff; 64]] {
        let mut stream = connect(world.proxies[0].address());
        stream.write_all(nonsense).unwrap();
        assert_eq!(answer(&mut stream), None, "{nonsense:?}");
    }
    let rules = &world.rules[0];
    assert!(rules.fail_requests(failure(FETCH, RequestOutcome::AnswerLost, 1)).is_err());
    assert!(rules.fail_requests(failure(PRODUCE, RequestOutcome::Error(0), 1)).is_err());
    assert!(rules.fail_requests(failure(PRODUCE, RequestOutcome::AnswerLost, 0)).is_err());
    assert!(rules.stall_requests(999, LONG, &[]).is_err());
    world.end().await;
}
