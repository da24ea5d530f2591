//! Clients over their quotas, on sockets.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use embedded_kafka::{EmbeddedKafka, Quota, QuotaTarget, Throttled};

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream
}

/// A request with the client id "me".
fn request(key: u8, version: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, key, 0, version, 0, 0, 0, 7, 0, 2, b'm', b'e'];
    frame.extend_from_slice(body);
    [&(frame.len() as u32).to_be_bytes()[..], &frame].concat()
}

fn answer(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut body = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut body).unwrap();
    body.split_off(4)
}

/// Produce, version 3, with `acks=1` and no topics: 24 bytes.
fn produce() -> Vec<u8> {
    request(0, 3, &[255, 255, 0, 1, 0, 0, 0, 100, 0, 0, 0, 0])
}

fn api_versions() -> Vec<u8> {
    request(18, 0, &[])
}

#[expect(clippy::disallowed_methods, reason = "a test of real time")]
fn now() -> Instant {
    Instant::now()
}

/// Sends requests of `bytes` in all at once, and gives the throttle time of the first answer in
/// milliseconds and how long all took.
fn pipeline(address: SocketAddr) -> (u32, Duration) {
    let mut stream = connect(address);
    let start = now();
    stream.write_all(&[produce(), api_versions()].concat()).unwrap();
    let produced = answer(&mut stream);
    assert!(start.elapsed() < Duration::from_millis(200), "the throttled answer comes at once");
    assert_eq!(produced[..4], [0, 0, 0, 0], "no topics");
    let throttle = u32::from_be_bytes(produced[4..].try_into().unwrap());
    assert!(answer(&mut stream).len() > 6);
    (throttle, start.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_over_the_quota_comes_at_once_and_the_next_request_waits() {
    let kafka = EmbeddedKafka::start(2).await.unwrap();
    let addresses: Vec<SocketAddr> = kafka.brokers().iter().map(|one| one.address).collect();
    assert_eq!(pipeline(addresses[0]).0, 0);
    // Ten seconds of the quota are free; of 24 bytes 0.3 seconds' worth remain.
    let quota = Quota { producer_bytes: Some(24.0 / 10.3), ..Quota::default() };
    kafka.set_quota(QuotaTarget::client("me"), quota).unwrap();
    let (throttle, took) = pipeline(addresses[0]);
    assert_eq!(throttle, 300);
    assert!(took >= Duration::from_millis(300), "{took:?}");
    let counted = [1, 2].map(|id| kafka.throttled(id));
    assert_eq!((counted[0].answers, counted[0].time.as_millis()), (1, 300));
    assert_eq!(counted[1], Throttled::default());
    kafka.set_quota(QuotaTarget::client("me"), Quota::default()).unwrap();
    let (throttle, took) = pipeline(addresses[0]);
    assert!(throttle == 0 && took < Duration::from_millis(250), "{throttle} {took:?}");
    let refused = kafka.set_quota(QuotaTarget::default(), quota).unwrap_err();
    assert!(refused.to_string().contains("must name a user"), "{refused}");
    kafka.shutdown().await;
}

/// A broker at which any Produce costs a pause of minutes, and a connection to it.
async fn miserly() -> (EmbeddedKafka, TcpStream) {
    let kafka = EmbeddedKafka::start(1).await.unwrap();
    let quota = Quota { producer_bytes: Some(0.1), ..Quota::default() };
    kafka.set_quota(QuotaTarget::client("me"), quota).unwrap();
    let stream = connect(kafka.brokers()[0].address);
    (kafka, stream)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_is_over_when_it_is_ended() {
    let (kafka, mut stream) = miserly().await;
    stream.write_all(&[produce(), api_versions()].concat()).unwrap();
    let throttle = answer(&mut stream);
    assert_eq!(throttle[4..], 230_000u32.to_be_bytes(), "minutes");
    kafka.set_quota(QuotaTarget::client("me"), Quota::default()).unwrap();
    kafka.end_pauses();
    assert!(answer(&mut stream).len() > 6);
    kafka.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_tell_of_a_pause_is_not_counted() {
    let (kafka, mut stream) = miserly().await;
    let unacknowledged = request(0, 3, &[255, 255, 0, 0, 0, 0, 0, 100, 0, 0, 0, 0]);
    stream.write_all(&[unacknowledged, api_versions()].concat()).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    assert!(stream.read(&mut [0]).is_err(), "it is not read");
    assert_eq!(kafka.throttled(1), Throttled::default());
    kafka.shutdown().await;
}
