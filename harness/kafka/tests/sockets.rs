//! What happens on the sockets: clients that do not behave, crashes, several callers.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use embedded_kafka::{
    Affected, ApiFailure, ClusterConfig, EmbeddedKafka, Isolation, RequestOutcome,
};

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    stream
}

/// An ApiVersions request, version 0, with this correlation id.
fn api_versions(correlation: u8) -> Vec<u8> {
    vec![0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, correlation, 255, 255]
}

fn answer(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut body = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut body).unwrap();
    body
}

/// Whether the other end has closed.
fn closed(stream: &mut TcpStream) -> bool {
    matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_))
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_frames_close_their_connection_and_no_other() {
    let config = ClusterConfig {
        request_bytes_max: 10_000,
        message_bytes_max: 5_000,
        ..ClusterConfig::with_brokers(1)
    };
    let kafka = EmbeddedKafka::start_with(config).await.unwrap();
    let address = kafka.brokers()[0].address;
    let mut good = connect(address);
    let two_gigabytes = [0x7f, 0xff, 0xff, 0xff];
    let bad: [&[u8]; 6] = [
        &two_gigabytes,
        &[0xff, 0xff, 0xff, 0xff],
        &[0, 0, 0, 0],
        &[0, 0, 0, 3, 1, 2, 3],
        &[0, 0, 0, 10, 3, 231, 0, 0, 0, 0, 0, 1, 255, 255],
        b"GET / HTTP/1.1\r\n\r\n",
    ];
    for bytes in bad {
        let mut stream = connect(address);
        stream.write_all(bytes).unwrap();
        assert!(closed(&mut stream), "{bytes:?}");
    }
    good.write_all(&api_versions(5)).unwrap();
    assert_eq!(answer(&mut good)[..4], [0, 0, 0, 5]);
    kafka.shutdown().await;
    assert!(closed(&mut good));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_keep_the_order_of_pipelined_requests() {
    let kafka = EmbeddedKafka::start(1).await.unwrap();
    let mut stream = connect(kafka.brokers()[0].address);
    let burst: Vec<u8> = (0..200).flat_map(api_versions).collect();
    stream.write_all(&burst).unwrap();
    for correlation in 0..200 {
        assert_eq!(answer(&mut stream)[..4], [0, 0, 0, correlation]);
    }
    kafka.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_cuts_connections_and_refuses_new_ones_until_the_restart() {
    let kafka = EmbeddedKafka::start(2).await.unwrap();
    let before = kafka.brokers();
    let mut stream = connect(before[0].address);
    stream.write_all(&api_versions(1)).unwrap();
    answer(&mut stream);
    assert_eq!(kafka.brokers()[0].connections, 1);
    let report = kafka.crash_broker(1).await.unwrap();
    assert_eq!(report.connections_cut, 1);
    assert!(closed(&mut stream));
    assert!(TcpStream::connect(before[0].address).is_err());
    let down = &kafka.brokers()[0];
    assert_eq!((down.alive, down.connections), (false, 0));
    connect(before[1].address);
    kafka.restart_broker(1).await.unwrap();
    assert!(kafka.restart_broker(1).await.is_err());
    assert_eq!(kafka.brokers()[0].address, before[0].address);
    let mut again = connect(before[0].address);
    again.write_all(&api_versions(9)).unwrap();
    assert_eq!(answer(&mut again)[..4], [0, 0, 0, 9]);
    kafka.shutdown().await;
}

#[tokio::test]
async fn settings_that_make_no_cluster_are_refused_with_the_field() {
    let config = ClusterConfig { replication_factor: 4, ..ClusterConfig::default() };
    let refused = EmbeddedKafka::start_with(config).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
    assert!(refused.to_string().contains("replication_factor"), "{refused}");
    assert!(EmbeddedKafka::start(0).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_handle_is_used_from_several_tasks() {
    let kafka = Arc::new(EmbeddedKafka::start(3).await.unwrap());
    let tasks = (1..=3).map(|broker| {
        let kafka = kafka.clone();
        tokio::spawn(async move {
            kafka.add_listener(&format!("listener {broker}")).await.unwrap();
            kafka.crash_broker(broker).await.unwrap();
            kafka.restart_broker(broker).await.unwrap();
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert!(kafka.brokers().iter().all(|broker| broker.alive));
    Arc::into_inner(kafka).unwrap().shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_cut_off_from_its_clients_refuses_them_until_it_is_healed() {
    let kafka = EmbeddedKafka::start(3).await.unwrap();
    kafka.create_topic("t", 1).unwrap();
    let address = kafka.brokers()[0].address;
    let mut stream = connect(address);
    kafka.isolate_broker(1, Isolation::FromClients).await.unwrap();
    assert!(closed(&mut stream));
    assert!(TcpStream::connect(address).is_err());
    assert!(kafka.isolate_broker(1, Isolation::FromPeers).await.is_err(), "it is isolated already");
    assert_eq!(kafka.partitions("t").unwrap()[0].leader, Some(1));
    kafka.heal_broker(1).await.unwrap();
    let mut stream = connect(address);
    stream.write_all(&api_versions(7)).unwrap();
    assert_eq!(answer(&mut stream)[..4], [0, 0, 0, 7]);
    kafka.isolate_broker(1, Isolation::FromPeers).await.unwrap();
    stream.write_all(&api_versions(8)).unwrap();
    assert_eq!(answer(&mut stream)[..4], [0, 0, 0, 8], "clients still reach it");
    kafka.heal_broker(1).await.unwrap();
    kafka.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_orderly_stop_leaves_no_partition_without_leader() {
    let kafka = EmbeddedKafka::start(3).await.unwrap();
    kafka.create_topic("t", 6).unwrap();
    let report = kafka.shutdown_broker(2).await.unwrap();
    assert_eq!(report.leaderships_lost, 0);
    let partitions = kafka.partitions("t").unwrap();
    assert!(partitions.iter().all(|it| it.leader.is_some_and(|leader| leader != 2)));
    assert_eq!(kafka.controller(), Some(1));
    kafka.restart_broker(2).await.unwrap();
    kafka.crash_broker_losing_unflushed(1).await.unwrap();
    kafka.shutdown().await;
}

/// ListGroups, version 0.
const LIST_GROUPS: [u8; 14] = [0, 0, 0, 10, 0, 16, 0, 0, 0, 0, 0, 2, 255, 255];

/// A cluster whose answers to [`LIST_GROUPS`] are lost.
async fn losing_answers() -> EmbeddedKafka {
    let kafka = EmbeddedKafka::start(1).await.unwrap();
    let (outcome, affected) = (RequestOutcome::AnswerLost, Affected::All);
    let failure = ApiFailure { api_key: 16, outcome, affected, spared: Vec::new() };
    kafka.fail_requests(1, failure).unwrap();
    kafka
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_before_one_that_is_lost_are_given_and_then_the_connection_is_closed() {
    let kafka = losing_answers().await;
    let mut stream = connect(kafka.brokers()[0].address);
    stream.write_all(&[&api_versions(1)[..], &LIST_GROUPS, &api_versions(3)].concat()).unwrap();
    assert_eq!(answer(&mut stream)[..4], [0, 0, 0, 1]);
    assert!(closed(&mut stream));
    assert_eq!(kafka.restore_requests(1, 16).carried_out, 1);
    kafka.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_cannot_keep_a_connection_that_is_to_be_closed() {
    let kafka = losing_answers().await;
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let stream = socket.connect(kafka.brokers()[0].address).await.unwrap();
    let mut stream = stream.into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    let mut burst: Vec<u8> = (0..21_000).flat_map(|_| api_versions(1)).collect();
    burst.extend(LIST_GROUPS);
    let mut writer = stream.try_clone().unwrap();
    std::thread::spawn(move || writer.write_all(&burst));
    // It reads so slowly that megabytes wait, until the answer that is lost is among them and then
    // at the front of what the broker still has to encode.
    while kafka.failed_requests(1, 16).requests == 0 {
        stream.read_exact(&mut [0; 20_000]).unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let _ = stream.read_exact(&mut vec![0; 1 << 20]);
    let closed = async {
        while kafka.brokers()[0].connections > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), closed).await.expect("it is closed");
    kafka.shutdown().await;
}
