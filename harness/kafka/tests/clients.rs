//! Real clients (librdkafka) against an embedded cluster.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

#[path = "clients/groups.rs"]
mod groups;
#[path = "clients/support.rs"]
mod support;

use std::collections::HashSet;
use std::time::Duration;

use embedded_kafka::{ClusterConfig, EmbeddedKafka};
use rdkafka::TopicPartitionList;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;

use support::{consumer, group_consumer, poll_until, produce, settings, within};

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_messages_come_back_once_each() {
    let kafka = EmbeddedKafka::start(3).await.unwrap();
    kafka.create_topic("numbers", 24).unwrap();
    let servers = kafka.bootstrap_servers();
    let reader = consumer(&servers, "numbers", 24);
    let count = 100_000u64;
    let sent = std::thread::spawn(move || produce(&servers, "numbers", 0..count, &[]));
    let mut seen = vec![false; count as usize];
    let mut left = count;
    within(Duration::from_secs(30), || {
        while let Some(message) = reader.poll(Duration::from_millis(50)) {
            let message = message.unwrap();
            let number = u64::from_be_bytes(message.payload().unwrap()[..8].try_into().unwrap());
            assert!(!std::mem::replace(&mut seen[number as usize], true), "{number} came twice");
            left -= 1;
            if left == 0 {
                return true;
            }
        }
        false
    });
    assert_eq!(sent.join().unwrap().len() as u64, count);
    let offsets: i64 =
        kafka.partitions("numbers").unwrap().iter().map(|part| part.high_watermark).sum();
    assert_eq!(offsets, count as i64);
    kafka.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leaders_crash_loses_nothing_that_was_acknowledged() {
    let config =
        ClusterConfig { detection: Duration::from_millis(200), ..ClusterConfig::with_brokers(3) };
    let kafka = EmbeddedKafka::start_with(config).await.unwrap();
    kafka.create_topic("orders", 6).unwrap();
    let servers = kafka.bootstrap_servers();
    let producer_servers = servers.clone();
    let sent = std::thread::spawn(move || {
        let idempotent = [("enable.idempotence", "true"), ("acks", "all")];
        produce(&producer_servers, "orders", 0..60_000, &idempotent)
    });
    tokio::time::sleep(Duration::from_millis(80)).await;
    let led = kafka.partitions("orders").unwrap();
    let victim = led[0].leader.unwrap();
    let report = kafka.crash_broker(victim).await.unwrap();
    assert_eq!(report.leaderships_lost, 2);
    assert!(kafka.crash_broker(victim).await.is_err(), "it is down already");
    let acknowledged = sent.join().unwrap();
    assert_eq!(acknowledged.len(), 60_000, "idempotent sends survive an election");
    let after = kafka.partitions("orders").unwrap();
    assert_ne!(after[0].leader, Some(victim));
    assert_eq!(after[0].leader_epoch, 1);
    assert!(after.iter().all(|part| !part.isr.contains(&victim)));
    kafka.restart_broker(victim).await.unwrap();
    let after = kafka.partitions("orders").unwrap();
    assert!(after.iter().all(|part| part.isr.len() == 3));
    let reader = consumer(&servers, "orders", 6);
    let mut seen = HashSet::new();
    poll_until(&reader, |message| {
        let number = u64::from_be_bytes(message.payload().unwrap()[..8].try_into().unwrap());
        assert!(seen.insert(number), "{number} came twice");
        seen.len() == acknowledged.len()
    });
    kafka.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_consumers_of_a_group_share_its_partitions() {
    let kafka = EmbeddedKafka::start(3).await.unwrap();
    kafka.create_topic("shared", 8).unwrap();
    let servers = kafka.bootstrap_servers();
    let first = group_consumer(&servers, "team", "node-1/a", "shared");
    let second = group_consumer(&servers, "team", "node-2/b", "shared");
    within(Duration::from_secs(10), || {
        let _ = (first.poll(Duration::from_millis(20)), second.poll(Duration::from_millis(20)));
        let parts = |consumer: &BaseConsumer| consumer.assignment().unwrap().count();
        parts(&first) == 4 && parts(&second) == 4
    });
    let group = kafka.group("team").unwrap();
    let mut owned: Vec<_> =
        group.members.iter().flat_map(|member| member.partitions.clone()).collect();
    owned.sort();
    let all: Vec<_> = (0..8).map(|partition| ("shared".to_owned(), partition)).collect();
    assert_eq!(owned, all);
    let mut clients: Vec<_> = group.members.iter().map(|member| &*member.client_id).collect();
    clients.sort_unstable();
    assert_eq!(clients, ["node-1/a", "node-2/b"]);
    let sent = produce(&servers, "shared", 0..1_000, &[]);
    let mut left = sent.len();
    within(Duration::from_secs(10), || {
        for reader in [&first, &second] {
            while let Some(message) = reader.poll(Duration::from_millis(5)) {
                message.unwrap();
                left -= 1;
            }
        }
        left == 0
    });
    first.commit_consumer_state(rdkafka::consumer::CommitMode::Sync).unwrap();
    second.commit_consumer_state(rdkafka::consumer::CommitMode::Sync).unwrap();
    let committed: i64 = kafka.group("team").unwrap().committed.values().sum();
    assert_eq!(committed, 1_000);
    let one_by_one = (0..8).filter_map(|partition| kafka.committed("team", "shared", partition));
    assert_eq!(one_by_one.sum::<i64>(), 1_000);
    drop(second);
    within(Duration::from_secs(10), || {
        let _ = first.poll(Duration::from_millis(20));
        first.assignment().unwrap().count() == 8
    });
    drop(first);
    kafka.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leaders_move_under_load_and_nothing_is_lost_or_doubled() {
    let kafka = EmbeddedKafka::start(3).await.unwrap();
    kafka.create_topic("moving", 3).unwrap();
    let servers = kafka.bootstrap_servers();
    let producer_servers = servers.clone();
    let sent = std::thread::spawn(move || {
        produce(&producer_servers, "moving", 0..50_000, &[("enable.idempotence", "true")])
    });
    let reader = consumer(&servers, "moving", 3);
    let reading = std::thread::spawn(move || {
        let mut seen = HashSet::new();
        poll_until(&reader, |message| {
            let number = u64::from_be_bytes(message.payload().unwrap()[..8].try_into().unwrap());
            assert!(seen.insert(number), "{number} came twice");
            seen.len() == 50_000
        });
    });
    for round in 0..6 {
        tokio::time::sleep(Duration::from_millis(30)).await;
        let partition = round % 3;
        let moved = kafka.move_leader("moving", partition, None).unwrap();
        let view = &kafka.partitions("moving").unwrap()[partition as usize];
        assert_eq!((view.leader, view.leader_epoch), (Some(moved.to), moved.epoch));
    }
    assert_eq!(sent.join().unwrap().len(), 50_000);
    reading.join().unwrap();
    kafka.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_coordinators_crash_keeps_the_group_and_its_offsets() {
    let config =
        ClusterConfig { detection: Duration::from_millis(200), ..ClusterConfig::with_brokers(3) };
    let kafka = EmbeddedKafka::start_with(config).await.unwrap();
    kafka.create_topic("kept", 4).unwrap();
    let servers = kafka.bootstrap_servers();
    let sent = produce(&servers, "kept", 0..100, &[]);
    let member = group_consumer(&servers, "survivors", "one", "kept");
    let mut left = sent.len();
    poll_until(&member, |_| {
        left -= 1;
        left == 0
    });
    member.commit_consumer_state(rdkafka::consumer::CommitMode::Sync).unwrap();
    // Whichever broker coordinates, two crashes in turn hit it or its successor.
    for victim in [1, 2, 3] {
        kafka.crash_broker(victim).await.unwrap();
        tokio::time::sleep(Duration::from_millis(250)).await;
        kafka.restart_broker(victim).await.unwrap();
    }
    let committed: i64 = kafka.group("survivors").unwrap().committed.values().sum();
    assert_eq!(committed, 100);
    produce(&servers, "kept", 100..150, &[]);
    let mut left = 50;
    poll_until(&member, |_| {
        left -= 1;
        left == 0
    });
    within(Duration::from_secs(10), || {
        let _ = member.poll(Duration::from_millis(20));
        member.commit_consumer_state(rdkafka::consumer::CommitMode::Sync).is_ok()
    });
    let committed: i64 = kafka.group("survivors").unwrap().committed.values().sum();
    assert_eq!(committed, 150);
    drop(member);
    kafka.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_are_administered_over_the_wire() {
    let kafka = EmbeddedKafka::start(3).await.unwrap();
    let servers = kafka.bootstrap_servers();
    let admin: AdminClient<DefaultClientContext> = settings(&servers).create().unwrap();
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(5)));
    let topics = [
        NewTopic::new("made", 3, TopicReplication::Fixed(2)).set("retention.ms", "60000"),
        NewTopic::new("bad name", 1, TopicReplication::Fixed(1)),
        NewTopic::new("wide", 1, TopicReplication::Fixed(9)),
        NewTopic::new("odd", 1, TopicReplication::Fixed(1)).set("cleanup.policy", "shred"),
    ];
    let created = admin.create_topics(&topics, &options).await.unwrap();
    let good: Vec<bool> = created.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, false, false, false]);
    let made = kafka.partitions("made").unwrap();
    assert!(made.len() == 3 && made.iter().all(|part| part.replicas.len() == 2));
    let resource = rdkafka::admin::ResourceSpecifier::Topic("made");
    let described = admin.describe_configs([&resource], &options).await.unwrap();
    let entries = described[0].as_ref().unwrap().entry_map();
    assert_eq!(entries["retention.ms"].value.as_deref(), Some("60000"));
    produce(&servers, "made", 0..300, &[]);
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset("made", 0, rdkafka::Offset::End).unwrap();
    admin.delete_records(&offsets, &options).await.unwrap();
    let view = &kafka.partitions("made").unwrap()[0];
    assert_eq!((view.log_start, view.bytes), (view.high_watermark, 0));
    let deleted = admin.delete_topics(&["made"], &options).await.unwrap();
    assert!(deleted[0].is_ok());
    assert!(kafka.partitions("made").is_none());
    kafka.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_tell_their_own_addresses() {
    let kafka = EmbeddedKafka::start(2).await.unwrap();
    let inside = kafka.add_listener("inside").await.unwrap();
    assert!(kafka.add_listener("inside").await.is_err());
    // A client of its own each time: one that knows both brokers may ask the one that moves away.
    let ports = || {
        let reader: BaseConsumer = settings(&inside[0].to_string()).create().unwrap();
        let metadata = reader.fetch_metadata(None, Duration::from_secs(5)).unwrap();
        let mut ports: Vec<i32> = metadata.brokers().iter().map(|broker| broker.port()).collect();
        ports.sort_unstable();
        ports
    };
    let mut expected: Vec<i32> = inside.iter().map(|address| i32::from(address.port())).collect();
    expected.sort_unstable();
    assert_eq!(ports(), expected);
    let proxy = "127.0.0.1:9".parse().unwrap();
    kafka.advertise("inside", 2, proxy).unwrap();
    assert!(kafka.advertise("inside", 3, proxy).is_err());
    assert!(kafka.advertise("outside", 1, proxy).is_err());
    assert_eq!(ports(), [9, i32::from(inside[0].port())]);
    kafka.shutdown().await;
}
