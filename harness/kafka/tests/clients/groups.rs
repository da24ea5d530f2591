//! Groups of four that lose a member, by both protocols.

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use embedded_kafka::{ClusterConfig, EmbeddedKafka, GroupKind, GroupState};
use rdkafka::Message;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};

use crate::support::{produce, settings, within};

const TOPIC: &str = "shared";
const PARTITIONS: i32 = 12;

/// A member that polls in a thread of its own until it is told to leave.
struct Worker {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Worker {
    fn start(servers: &str, more: &[(&str, &str)], seen: &Arc<Mutex<HashSet<u64>>>) -> Self {
        let mut settings = settings(servers);
        settings
            .set("group.id", "team")
            .set("auto.offset.reset", "earliest")
            .set("enable.auto.commit", "false");
        for (name, value) in more {
            settings.set(*name, *value);
        }
        let consumer: BaseConsumer = settings.create().unwrap();
        consumer.subscribe(&[TOPIC]).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, seen) = (stop.clone(), seen.clone());
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                if let Some(Ok(message)) = consumer.poll(Duration::from_millis(10)) {
                    let number = message.payload().unwrap()[..8].try_into().unwrap();
                    seen.lock().unwrap().insert(u64::from_be_bytes(number));
                    // A member that lost the partition meanwhile cannot commit; others read again.
                    let _lost = consumer.commit_message(&message, CommitMode::Async);
                }
            }
        });
        Self { stop, thread }
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
    }
}

/// Waits until so many members own every partition, each once.
fn shared_by(kafka: &EmbeddedKafka, members: usize) {
    within(Duration::from_secs(20), || {
        std::thread::sleep(Duration::from_millis(10));
        let Some(group) = kafka.group("team") else { return false };
        let owned = || group.members.iter().flat_map(|member| &member.partitions);
        group.state == GroupState::Stable
            && group.members.len() == members
            && group.members.iter().all(|member| !member.partitions.is_empty())
            && owned().count() == PARTITIONS as usize
            && owned().collect::<BTreeSet<_>>().len() == PARTITIONS as usize
    });
}

async fn four_lose_one(more: &[(&str, &str)], kind: GroupKind) {
    let config = ClusterConfig {
        consumer_session_timeout: Duration::from_millis(1_500),
        ..ClusterConfig::with_brokers(3)
    };
    let kafka = EmbeddedKafka::start_with(config).await.unwrap();
    kafka.create_topic(TOPIC, PARTITIONS).unwrap();
    let servers = kafka.bootstrap_servers();
    let seen = Arc::new(Mutex::new(HashSet::new()));
    let mut workers = Vec::new();
    for instance in ["a", "b", "c", "d"] {
        // Static members do not say that they leave for good: who stops is as good as dead.
        let mut more = more.to_vec();
        more.push(("group.instance.id", instance));
        workers.push(Worker::start(&servers, &more, &seen));
    }
    shared_by(&kafka, 4);
    assert_eq!(kafka.group("team").unwrap().kind, kind);
    produce(&servers, TOPIC, 0..1_000, &[]);
    workers.remove(0).stop();
    shared_by(&kafka, 3);
    produce(&servers, TOPIC, 1_000..2_000, &[]);
    within(Duration::from_secs(20), || {
        std::thread::sleep(Duration::from_millis(10));
        seen.lock().unwrap().len() == 2_000
    });
    workers.into_iter().for_each(Worker::stop);
    kafka.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_of_the_consumer_protocol_lose_one() {
    four_lose_one(&[("group.protocol", "consumer")], GroupKind::Consumer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn four_cooperative_classic_members_lose_one() {
    let classic = [
        ("partition.assignment.strategy", "cooperative-sticky"),
        ("session.timeout.ms", "1500"),
        ("heartbeat.interval.ms", "100"),
    ];
    four_lose_one(&classic, GroupKind::Classic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_both_protocols_share_a_group_and_it_changes_with_them() {
    let kafka = EmbeddedKafka::start(3).await.unwrap();
    kafka.create_topic(TOPIC, PARTITIONS).unwrap();
    let servers = kafka.bootstrap_servers();
    let seen = Arc::new(Mutex::new(HashSet::new()));
    let classic = [
        ("partition.assignment.strategy", "cooperative-sticky"),
        ("session.timeout.ms", "6000"),
        ("heartbeat.interval.ms", "100"),
    ];
    let consumer = [("group.protocol", "consumer")];
    let kind = || kafka.group("team").unwrap().kind;
    let mut old: Vec<Worker> = (0..2).map(|_| Worker::start(&servers, &classic, &seen)).collect();
    shared_by(&kafka, 2);
    assert_eq!(kind(), GroupKind::Classic);
    let new = Worker::start(&servers, &consumer, &seen);
    shared_by(&kafka, 3);
    assert_eq!(kind(), GroupKind::Consumer);
    produce(&servers, TOPIC, 0..500, &[]);
    old.remove(0).stop();
    shared_by(&kafka, 2);
    new.stop();
    shared_by(&kafka, 1);
    assert_eq!(kind(), GroupKind::Classic);
    produce(&servers, TOPIC, 500..1_000, &[]);
    within(Duration::from_secs(20), || {
        std::thread::sleep(Duration::from_millis(10));
        seen.lock().unwrap().len() == 1_000
    });
    old.into_iter().for_each(Worker::stop);
    kafka.shutdown().await;
}
