mod cuts;
mod lateness;
mod weather;

use std::collections::BTreeSet;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{sleep, timeout};

use super::*;
use crate::clock;

const PATIENCE: Duration = Duration::from_secs(10);
const MILLI: Duration = Duration::from_millis(1);

/// A broker that sends back whatever it is sent, and counts what it has received.
struct Echo {
    address: SocketAddr,
    received: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
}

async fn echo() -> Echo {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (received, open) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (received_here, open_here) = (Arc::clone(&received), Arc::clone(&open));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (received, open) = (Arc::clone(&received_here), Arc::clone(&open_here));
            tokio::spawn(async move {
                open.fetch_add(1, Ordering::Relaxed);
                let mut buffer = vec![0; 16 * 1024];
                while let Ok(read @ 1..) = stream.read(&mut buffer).await {
                    received.fetch_add(read, Ordering::Relaxed);
                    if stream.write_all(&buffer[..read]).await.is_err() {
                        break;
                    }
                }
                open.fetch_sub(1, Ordering::Relaxed);
            });
        }
    });
    Echo { address, received, open }
}

async fn proxy_to(upstream: SocketAddr, rules: &Rules) -> FaultProxy {
    let front = Front {
        listen: "127.0.0.1:0".parse().unwrap(),
        upstream,
        server: "broker-1".to_owned(),
        clients: Clients::ByClientId,
    };
    FaultProxy::start(front, rules.clone()).await.unwrap()
}

/// A request frame with this client id and this many bytes of body.
fn frame(client_id: &str, body_bytes: usize) -> Vec<u8> {
    let mut frame = ((10 + client_id.len() + body_bytes) as i32).to_be_bytes().to_vec();
    frame.extend([0, 18, 0, 3, 0, 0, 0, 7]);
    frame.extend((client_id.len() as i16).to_be_bytes());
    frame.extend(client_id.as_bytes());
    frame.extend((0..body_bytes).map(|at| (at % 251) as u8));
    frame
}

async fn connect(proxy: &FaultProxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A client whose first request has gone there and back.
async fn greeted(proxy: &FaultProxy, client_id: &str) -> TcpStream {
    let mut stream = connect(proxy).await;
    round_trip(&mut stream, &frame(client_id, 0)).await;
    stream
}

async fn round_trip(stream: &mut TcpStream, bytes: &[u8]) -> Duration {
    let sent = clock::now();
    stream.write_all(bytes).await.unwrap();
    expect(stream, bytes).await;
    clock::now() - sent
}

/// The quickest of several round trips, so that a busy machine is not taken for a slow proxy.
async fn quickest_round_trip(stream: &mut TcpStream) -> Duration {
    let mut quickest = PATIENCE;
    for _ in 0..10 {
        quickest = quickest.min(round_trip(stream, b"ping").await);
    }
    quickest
}

async fn expect(stream: &mut TcpStream, bytes: &[u8]) {
    let mut back = vec![0; bytes.len()];
    timeout(PATIENCE, stream.read_exact(&mut back)).await.unwrap().unwrap();
    assert!(back == bytes, "other bytes came back");
}

async fn expect_silence(stream: &mut TcpStream, millis: u32) {
    let mut byte = [0];
    let silence = timeout(MILLI * millis, stream.read(&mut byte)).await;
    assert!(silence.is_err(), "{silence:?} instead of silence");
}

async fn expect_closed(stream: &mut TcpStream) {
    let mut byte = [0];
    let read = timeout(PATIENCE, stream.read(&mut byte)).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?} instead of the end");
}

async fn until(what: &str, condition: impl Fn() -> bool) {
    let start = clock::now();
    while !condition() {
        assert!(clock::now() - start < PATIENCE, "never: {what}");
        sleep(MILLI).await;
    }
}

fn rule(client: &str, direction: Direction, effect: Effect) -> Rule {
    Rule {
        clients: BTreeSet::from([client.to_owned()]),
        servers: BTreeSet::from(["broker-1".to_owned()]),
        direction,
        effect,
        seed: 7,
        expires: clock::now() + Duration::from_secs(60),
    }
}

fn late(delay_ms: u32, jitter_ms: u32) -> Effect {
    let (delay, jitter) = (MILLI * delay_ms, MILLI * jitter_ms);
    Effect::Delay(Delay { delay, jitter, law: JitterLaw::Even })
}

#[tokio::test]
async fn a_hold_keeps_every_byte_and_its_removal_delivers_them_at_once() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    let mut client = greeted(&proxy, "node-1/a").await;
    let before = echo.received.load(Ordering::Relaxed);
    let id = rules.install(rule("node-1", Direction::Both, Effect::Hold));
    let message = frame("node-1/a", 300_000);
    client.write_all(&message[..100_000]).await.unwrap();
    until("bytes are held", || rules.counters(&id).bytes_held > 0).await;
    expect_silence(&mut client, 50).await;
    assert_eq!(echo.received.load(Ordering::Relaxed), before);
    let counters = rules.counters(&id);
    assert_eq!((counters.connections, counters.chunks), (1, 1));
    assert!(counters.bytes_held > 0 && counters.bytes_held <= BUFFER_BYTES as u64);
    assert!(counters.first_effect.is_some());

    rules.remove(&id);
    let (mut read, mut write) = client.split();
    let mut back = vec![0; message.len()];
    let (sent, got) = tokio::join!(
        write.write_all(&message[100_000..]),
        timeout(PATIENCE, read.read_exact(&mut back))
    );
    sent.unwrap();
    got.unwrap().unwrap();
    assert!(back == message);
    let counters = rules.remove(&id);
    assert!(counters.held_us_max >= 50_000, "{counters:?}");
    assert_eq!(counters.bytes_abandoned, 0);
}

#[tokio::test]
async fn rules_take_effect_and_end_within_ten_milliseconds() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    let mut client = greeted(&proxy, "node-1/a").await;
    // The quickest of several, so that a busy machine is not taken for a slow proxy.
    let (mut held, mut removed, mut expired) = (PATIENCE, PATIENCE, PATIENCE);
    for _ in 0..10 {
        let id = rules.install(rule("node-1", Direction::Both, Effect::Hold));
        client.write_all(b"held").await.unwrap();
        until("bytes are held", || rules.counters(&id).bytes_held == 4).await;
        held = held.min(rules.counters(&id).first_effect.unwrap());
        let start = clock::now();
        rules.remove(&id);
        expect(&mut client, b"held").await;
        removed = removed.min(clock::now() - start);

        let expires = clock::now() + 5 * MILLI;
        let id =
            rules.install(Rule { expires, ..rule("node-1", Direction::ToClient, Effect::Hold) });
        round_trip(&mut client, b"held").await;
        expired = expired.min(clock::now().saturating_duration_since(expires));
        rules.remove(&id);
    }
    let longest = held.max(removed).max(expired);
    assert!(longest < 10 * MILLI, "held {held:?}, removed {removed:?}, expired {expired:?}");
}

#[tokio::test]
async fn one_way_partitions_block_only_that_way() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    let mut client = greeted(&proxy, "node-1/a").await;
    let received = || echo.received.load(Ordering::Relaxed);

    let id = rules.install(rule("node-1", Direction::ToClient, Effect::Hold));
    let before = received();
    client.write_all(b"question").await.unwrap();
    until("the broker is asked", || received() == before + 8).await;
    expect_silence(&mut client, 30).await;
    rules.remove(&id);
    expect(&mut client, b"question").await;

    let id = rules.install(rule("node-1", Direction::ToServer, Effect::Hold));
    client.write_all(b"question").await.unwrap();
    expect_silence(&mut client, 30).await;
    assert_eq!(received(), before + 8);
    rules.remove(&id);
    expect(&mut client, b"question").await;
}

#[tokio::test]
async fn only_the_named_groups_and_brokers_are_concerned() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    let mut hit = greeted(&proxy, "node-1/a").await;
    let mut spared = [
        greeted(&proxy, "node-2/a").await,
        greeted(&proxy, "node-11/a").await,
        greeted(&proxy, "operator/lag").await,
    ];
    let elsewhere = Rule {
        servers: BTreeSet::from(["broker-2".to_owned()]),
        ..rule("node-2", Direction::Both, Effect::Hold)
    };
    let elsewhere = rules.install(elsewhere);
    let id = rules.install(rule("node-1", Direction::Both, Effect::Hold));
    hit.write_all(b"held").await.unwrap();
    for client in &mut spared {
        round_trip(client, b"free").await;
    }
    expect_silence(&mut hit, 20).await;
    assert_eq!(rules.remove(&elsewhere), RuleCounters::default());
    assert_eq!(rules.remove(&id).connections, 1);
    expect(&mut hit, b"held").await;
}

#[tokio::test]
async fn a_new_connection_is_accepted_and_held_until_the_rule_expires() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    let installed = clock::now();
    let id = rules.install(Rule {
        expires: installed + 80 * MILLI,
        ..rule("node-1", Direction::Both, Effect::Hold)
    });
    let mut client = connect(&proxy).await;
    round_trip(&mut client, &frame("node-1/a", 10)).await;
    let end = clock::now() - installed;
    assert!(end >= 80 * MILLI, "released after {end:?}");
    assert!(rules.counters(&id).bytes_held > 0);
    // Expired and not yet removed, it holds nothing.
    round_trip(&mut client, b"again").await;
    rules.remove(&id);
}

#[tokio::test]
async fn jitter_keeps_the_order_and_every_chunk_is_late() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    let mut client = greeted(&proxy, "node-1/a").await;
    let id = rules.install(rule("node-1", Direction::ToServer, late(20, 20)));
    let mut sent = Vec::new();
    for number in 0_u32..40 {
        client.write_all(&number.to_be_bytes()).await.unwrap();
        sent.extend(number.to_be_bytes());
        sleep(MILLI).await;
    }
    expect(&mut client, &sent).await;
    let counters = rules.remove(&id);
    assert_eq!(counters.bytes_delayed, 160);
    assert!(counters.chunks > 5, "{counters:?}");
    assert!(counters.delay_us_max >= 20_000 && counters.delay_us_max < 5_000_000, "{counters:?}");
}

#[tokio::test]
async fn a_delay_is_on_each_way_and_adds_up_over_rules() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    let mut client = greeted(&proxy, "node-1/a").await;
    let both = rules.install(rule("node-1", Direction::Both, late(20, 0)));
    assert!(round_trip(&mut client, b"ping").await >= 40 * MILLI);
    let more = rules.install(rule("node-1", Direction::ToClient, late(30, 0)));
    assert!(round_trip(&mut client, b"ping").await >= 70 * MILLI);
    assert!(rules.remove(&both).delay_us_total >= 80_000);
    assert!(rules.remove(&more).delay_us_max >= 50_000);
    assert!(quickest_round_trip(&mut client).await < 20 * MILLI);
}

#[tokio::test]
async fn removing_a_delay_delivers_what_is_under_way_at_once() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    let mut client = greeted(&proxy, "node-1/a").await;
    let id = rules.install(rule("node-1", Direction::ToServer, late(60_000, 0)));
    client.write_all(b"late").await.unwrap();
    expect_silence(&mut client, 20).await;
    rules.remove(&id);
    expect(&mut client, b"late").await;
}

#[tokio::test]
async fn bytes_under_way_are_bounded_and_the_sender_has_to_wait() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    let mut client = greeted(&proxy, "node-1/a").await;
    let id = rules.install(rule("node-1", Direction::ToServer, late(60_000, 0)));
    let chunk = vec![7; 1 << 20];
    let sending = timeout(200 * MILLI, async {
        loop {
            client.write_all(&chunk).await.unwrap();
        }
    });
    assert!(sending.await.is_err());
    let delayed = proxy.shared.delayed_bytes.load(Ordering::Relaxed);
    assert!(delayed > DELAYED_BYTES_MAX / 2, "{delayed}");
    assert!(delayed <= DELAYED_BYTES_MAX + BUFFER_BYTES, "{delayed}");
    drop(client);
    rules.remove(&id);
    until("the connection is gone", || proxy.connections() == 0).await;
    assert_eq!(proxy.shared.delayed_bytes.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_client_that_closes_while_held_is_torn_down_with_its_broker_side() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    for direction in [Direction::Both, Direction::ToServer, Direction::ToClient] {
        let mut client = greeted(&proxy, "node-1/a").await;
        let id = rules.install(rule("node-1", direction, Effect::Hold));
        client.write_all(&[1; 4096]).await.unwrap();
        until("bytes are held", || rules.counters(&id).bytes_held > 0).await;
        // These stay in the kernel, in front of the client's farewell.
        client.write_all(&[2; 4096]).await.unwrap();
        drop(client);
        until("the connection is gone", || proxy.connections() == 0).await;
        until("the broker's side is gone", || echo.open.load(Ordering::Relaxed) == 0).await;
        let counters = rules.remove(&id);
        assert!(counters.bytes_abandoned > 0, "{direction:?}: {counters:?}");
    }
}

#[tokio::test]
async fn a_held_client_does_not_see_its_broker_go_until_the_hold_ends() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let rules = Rules::new();
    let proxy = proxy_to(listener.local_addr().unwrap(), &rules).await;
    let id = rules.install(rule("node-1", Direction::ToClient, Effect::Hold));
    let mut client = connect(&proxy).await;
    client.write_all(&frame("node-1/a", 0)).await.unwrap();
    let (mut broker, _) = listener.accept().await.unwrap();
    let mut request = [0; 22];
    broker.read_exact(&mut request).await.unwrap();
    broker.write_all(b"last words").await.unwrap();
    drop(broker);
    expect_silence(&mut client, 50).await;
    rules.remove(&id);
    expect(&mut client, b"last words").await;
    expect_closed(&mut client).await;
    until("the connection is gone", || proxy.connections() == 0).await;
}

#[tokio::test]
async fn a_first_frame_that_is_no_request_closes_the_connection_and_is_counted() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    for bytes in [&b"GET / HTTP/1.1\r\n"[..], &[0xff; 4], &[0, 0, 0, 20, 0x7f, 0]] {
        let mut client = connect(&proxy).await;
        client.write_all(bytes).await.unwrap();
        expect_closed(&mut client).await;
    }
    let mut cut_short = connect(&proxy).await;
    cut_short.write_all(&[0, 0, 0]).await.unwrap();
    cut_short.shutdown().await.unwrap();
    expect_closed(&mut cut_short).await;
    let stats = proxy.stats();
    assert_eq!((stats.accepted, stats.malformed), (4, 3));
    assert_eq!(echo.received.load(Ordering::Relaxed), 0);
    until("all are gone", || proxy.connections() == 0).await;
}

#[tokio::test]
async fn a_broker_that_refuses_closes_the_client() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    let proxy = proxy_to(nobody, &Rules::new()).await;
    let mut client = connect(&proxy).await;
    expect_closed(&mut client).await;
    assert_eq!(proxy.stats().upstream_refused, 1);
}

#[tokio::test]
async fn shutdown_closes_held_and_idle_connections_and_frees_the_port() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    let mut idle = greeted(&proxy, "node-2/a").await;
    let mut held = greeted(&proxy, "node-1/a").await;
    let mut silent = connect(&proxy).await;
    rules.install(rule("node-1", Direction::Both, Effect::Hold));
    held.write_all(b"held").await.unwrap();
    let address = proxy.address();
    timeout(PATIENCE, proxy.shutdown()).await.unwrap();
    for client in [&mut idle, &mut held, &mut silent] {
        expect_closed(client).await;
    }
    TcpListener::bind(address).await.unwrap();
}

#[tokio::test]
async fn network_actions_are_proven_by_numbers_and_heal_twice_harmlessly() {
    let (echo, rules) = (echo().await, Rules::new());
    let proxy = proxy_to(echo.address, &rules).await;
    let mut client = greeted(&proxy, "node-1/a").await;
    let mut installed = inject(&rules, vec![rule("node-1", Direction::Both, Effect::Hold)]);
    assert_eq!(installed.evidence().await, None);
    client.write_all(b"held").await.unwrap();
    sleep(30 * MILLI).await;
    let evidence = installed.evidence().await.unwrap();
    assert!(evidence.starts_with("4 bytes of 1 connection held back, first after"), "{evidence}");
    let healed = installed.heal().await.unwrap();
    assert!(healed.starts_with("4 bytes of 1 connection held back for up to"), "{healed}");
    assert_eq!(installed.heal().await.unwrap(), healed);
    expect(&mut client, b"held").await;

    let mut installed = inject(&rules, vec![rule("node-1", Direction::Both, late(10, 2))]);
    round_trip(&mut client, b"late").await;
    let evidence = installed.evidence().await.unwrap();
    assert!(evidence.contains("bytes of 1 connection late by"), "{evidence}");
    drop(installed);
    assert!(quickest_round_trip(&mut client).await < 16 * MILLI);
}
