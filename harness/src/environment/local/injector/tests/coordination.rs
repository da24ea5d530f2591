//! Faults of groups and of replicas in sync, on three brokers.

use super::*;
use crate::environment::GROUP;

const LAG_TIME_MAX: Duration = Duration::from_millis(200);

async fn three_brokers() -> Arc<EmbeddedKafka> {
    let config = ClusterConfig {
        capture: 100,
        replication_factor: 3,
        min_insync_replicas: 2,
        replica_lag_time_max: LAG_TIME_MAX,
        session_timeout_min: Duration::from_millis(100),
        group_initial_rebalance_delay: Duration::ZERO,
        ..ClusterConfig::with_brokers(3)
    };
    let kafka = EmbeddedKafka::start_with(config).await.unwrap();
    kafka.create_topic(SOURCE_TOPIC, 1).unwrap();
    kafka.create_topic(RESULT_TOPIC, 1).unwrap();
    Arc::new(kafka)
}

/// A member of the job's group that polls until it is dropped.
struct Member(Arc<std::sync::atomic::AtomicBool>);

impl Member {
    fn join(kafka: &EmbeddedKafka) -> Self {
        let mut reading = settings(kafka, "node-1/pod");
        reading.remove("enable.idempotence");
        reading
            .set("group.id", GROUP)
            .set("session.timeout.ms", "3000")
            .set("heartbeat.interval.ms", "20");
        let consumer: BaseConsumer = reading.create().unwrap();
        consumer.subscribe(&[SOURCE_TOPIC]).unwrap();
        let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        std::thread::spawn(move || {
            while !stopped.load(std::sync::atomic::Ordering::Relaxed) {
                consumer.poll(Duration::from_millis(5));
            }
        });
        Self(stop)
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::Relaxed);
    }
}

async fn until(mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, wait).await.expect("it comes true");
}

fn owns_all(kafka: &EmbeddedKafka) -> bool {
    kafka
        .group(GROUP)
        .is_some_and(|group| group.members.iter().any(|member| !member.partitions.is_empty()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coordinator_moves_and_comes_back() {
    let kafka = three_brokers().await;
    let _member = Member::join(&kafka);
    until(|| owns_all(&kafka)).await;
    let before = kafka.group_coordinator(GROUP).unwrap();
    let mut installed = leader::shift_coordinator(&kafka, GROUP).unwrap();
    assert_ne!(kafka.group_coordinator(GROUP), Some(before));
    let sentence = evidence(&mut installed).await;
    let ends = format!("at epoch 1, before by {}", brokers::name(before));
    assert!(sentence.ends_with(&ends), "{sentence}");
    heal_twice(&mut installed).await;
    assert_eq!(kafka.group_coordinator(GROUP), Some(before));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_lets_a_group_rebalance_until_it_is_healed() {
    let kafka = three_brokers().await;
    let _member = Member::join(&kafka);
    until(|| owns_all(&kafka)).await;
    let mut installed = rebalances::begin(&kafka, GROUP, Duration::from_millis(60), LIMIT).unwrap();
    let sentence = evidence(&mut installed).await;
    assert!(sentence.starts_with("group job began 2 generations, "), "{sentence}");
    let healed = heal_twice(&mut installed).await;
    assert!(healed.ends_with("stable with 1 member"), "{healed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_too_few_in_sync_one_acknowledgement_is_given_and_all_are_refused() {
    let kafka = three_brokers().await;
    let names = [1, 2, 3].map(brokers::name);
    let mut leader_only = settings(&kafka, DRIVER_CLIENT);
    leader_only.set("enable.idempotence", "false").set("acks", "1");
    let leader_only: FutureProducer = leader_only.create().unwrap();
    let mut installed = replicas::hold_back(&kafka, &names, LIMIT).unwrap();
    let partitions = || kafka.partitions(SOURCE_TOPIC).unwrap();
    send(&leader_only, 100).await;
    until(|| partitions()[0].isr.len() == 1).await;
    assert_eq!(installed.evidence().await, None, "nothing was written since");
    send(&leader_only, 100).await;
    let sentence = evidence(&mut installed).await;
    let words = "1 of 2 partitions with 1 in sync, 2 asked for; 1 write accepted";
    assert_eq!(sentence, words);
    let all: FutureProducer = settings(&kafka, DRIVER_CLIENT).create().unwrap();
    let sending = tokio::spawn(async move { send(&all, 100).await });
    until(|| kafka.captured().iter().any(|request| request.error_code == 19)).await;
    let refused = evidence(&mut installed).await;
    assert!(refused.contains(" refused for it"), "{refused}");
    assert_eq!(heal_twice(&mut installed).await, "at least 2 replicas of each partition in sync");
    sending.await.unwrap();
    assert_eq!(partitions()[0].isr.len(), 3);
    assert_eq!(written(&kafka), 3);
}
