//! Faults of brokers' answers on real clients: each lands, has evidence, heals, heals twice
//! harmlessly, and leaves nothing.

mod coordination;
pub(super) mod world;

use super::*;
use crate::environment::{DRIVER_CLIENT, NO_WORKERS, RESULT_TOPIC, SOURCE_TOPIC};
use chaos::{Affected, BrokerError, RequestKind};
use embedded_kafka::ClusterConfig;
use rdkafka::Message;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

const LIMIT: Duration = Duration::from_secs(20);

async fn cluster() -> Arc<EmbeddedKafka> {
    let config = ClusterConfig { capture: 100, ..ClusterConfig::with_brokers(1) };
    let kafka = EmbeddedKafka::start_with(config).await.unwrap();
    kafka.create_topic(SOURCE_TOPIC, 1).unwrap();
    kafka.create_topic(RESULT_TOPIC, 1).unwrap();
    Arc::new(kafka)
}

fn settings(kafka: &EmbeddedKafka, client_id: &str) -> ClientConfig {
    let mut settings = ClientConfig::new();
    settings
        .set("bootstrap.servers", kafka.bootstrap_servers())
        .set("client.id", client_id)
        .set("reconnect.backoff.ms", "20")
        .set("retry.backoff.ms", "20")
        .set("enable.idempotence", "true");
    settings
}

/// Sends one record; it is written once, however often its sender has to try.
async fn send(producer: &FutureProducer, bytes: usize) {
    let payload = vec![7u8; bytes];
    let record = FutureRecord::<(), _>::to(SOURCE_TOPIC).payload(&payload);
    let sent = tokio::time::timeout(LIMIT, producer.send(record, LIMIT)).await.unwrap();
    sent.map_err(|(error, _)| error).unwrap();
}

/// A client that reads the source topic from its start.
fn consumer(kafka: &EmbeddedKafka, client_id: &str) -> BaseConsumer {
    let mut reading = settings(kafka, client_id);
    reading.remove("enable.idempotence");
    let consumer: BaseConsumer = reading.set("group.id", "none").create().unwrap();
    let mut all = TopicPartitionList::new();
    all.add_partition_offset(SOURCE_TOPIC, 0, Offset::Offset(0)).unwrap();
    consumer.assign(&all).unwrap();
    consumer
}

async fn first_offset(consumer: BaseConsumer) -> i64 {
    let read = move || consumer.poll(LIMIT).unwrap().unwrap().offset();
    tokio::task::spawn_blocking(read).await.unwrap()
}

fn written(kafka: &EmbeddedKafka) -> i64 {
    kafka.partitions(SOURCE_TOPIC).unwrap()[0].high_watermark
}

/// The evidence, once there is some.
pub(super) async fn evidence(installed: &mut Box<dyn Installed>) -> String {
    let found = async {
        loop {
            if let Some(sentence) = installed.evidence().await {
                return sentence;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, found).await.expect("the fault has evidence")
}

/// What healing says, which is the same the second time.
pub(super) async fn heal_twice(installed: &mut Box<dyn Installed>) -> String {
    let healed = installed.heal().await.unwrap();
    assert_eq!(installed.heal().await.unwrap(), healed);
    healed
}

fn fail(kafka: &Arc<EmbeddedKafka>, failure: requests::Failure) -> Box<dyn Installed> {
    let names = [brokers::name(1)];
    requests::fail(kafka, &names, (RequestKind::Produce, failure), Affected::Count(2)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_land_and_an_idempotent_producer_gets_over_them() {
    let kafka = cluster().await;
    let producer: FutureProducer = settings(&kafka, DRIVER_CLIENT).create().unwrap();
    let failure = requests::Failure::Error(BrokerError::NotEnoughReplicas);
    let mut installed = fail(&kafka, failure);
    assert_eq!(installed.evidence().await, None, "nothing was asked yet");
    send(&producer, 100).await;
    let sentence = "broker-1 answered 2 produce requests with not_enough_replicas";
    assert_eq!(evidence(&mut installed).await, sentence);
    assert_eq!(heal_twice(&mut installed).await, sentence);
    send(&producer, 100).await;
    assert_eq!(written(&kafka), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_acknowledgements_land_and_an_idempotent_producer_writes_once() {
    let kafka = cluster().await;
    let producer: FutureProducer = settings(&kafka, DRIVER_CLIENT).create().unwrap();
    let mut installed = fail(&kafka, requests::Failure::AnswerLost);
    send(&producer, 100).await;
    let sentence = evidence(&mut installed).await;
    assert!(sentence.starts_with("broker-1 left "), "{sentence}");
    heal_twice(&mut installed).await;
    send(&producer, 100).await;
    assert_eq!(written(&kafka), 2, "what was written and not acknowledged is not written again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stall_holds_back_a_consumer_until_it_is_healed() {
    let kafka = cluster().await;
    let producer: FutureProducer = settings(&kafka, DRIVER_CLIENT).create().unwrap();
    send(&producer, 100).await;
    let mut installed = stall::hold_back(&kafka, &[brokers::name(1)], LIMIT).unwrap();
    for client_id in NO_WORKERS {
        assert_eq!(first_offset(consumer(&kafka, client_id)).await, 0, "{client_id} reads on");
    }
    assert_eq!(installed.evidence().await, None, "no worker waits");
    let consumer = consumer(&kafka, "node-1/pod");
    assert_eq!(evidence(&mut installed).await, "broker-1 has held back 1 fetch request of workers");
    assert!(consumer.poll(Duration::from_millis(100)).is_none());
    send(&producer, 100).await;
    let healed = "broker-1 held back 1 fetch request of workers in all";
    assert_eq!(heal_twice(&mut installed).await, healed);
    assert_eq!(first_offset(consumer).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_for_readers_hit_workers_and_not_the_harness() {
    let kafka = cluster().await;
    let producer: FutureProducer = settings(&kafka, DRIVER_CLIENT).create().unwrap();
    send(&producer, 100).await;
    let failure = (RequestKind::Fetch, requests::Failure::Error(BrokerError::KafkaStorageError));
    let mut installed =
        requests::fail(&kafka, &[brokers::name(1)], failure, Affected::Count(1)).unwrap();
    for client_id in NO_WORKERS {
        assert_eq!(first_offset(consumer(&kafka, client_id)).await, 0);
    }
    assert_eq!(installed.evidence().await, None, "no worker was refused");
    assert_eq!(first_offset(consumer(&kafka, "node-1/pod")).await, 0, "it tries again");
    let sentence = "broker-1 answered 1 fetch request of workers with kafka_storage_error";
    assert_eq!(heal_twice(&mut installed).await, sentence);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttle_slows_workers_and_not_the_driver() {
    let kafka = cluster().await;
    let driver: FutureProducer = settings(&kafka, DRIVER_CLIENT).create().unwrap();
    let worker: FutureProducer = settings(&kafka, "node-1/pod").create().unwrap();
    let mut installed = throttle::set(&kafka, Some(1_000), None).unwrap();
    send(&driver, 50_000).await;
    assert_eq!(installed.evidence().await, None, "the driver has no quota");
    // Ten seconds of the quota are free; the rest costs a pause beyond the patience of this test.
    send(&worker, 60_000).await;
    let sentence = evidence(&mut installed).await;
    assert!(sentence.starts_with("broker-1 told workers 1 time to pause, "), "{sentence}");
    assert_eq!(heal_twice(&mut installed).await, format!("no quota is set; {sentence}"));
    send(&worker, 50_000).await;
    assert_eq!((installed.evidence().await.unwrap(), written(&kafka)), (sentence, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_is_not_there_is_refused_and_nothing_is_left() {
    let kafka = cluster().await;
    let names = [brokers::name(1), brokers::name(9)];
    let failure = (RequestKind::Produce, requests::Failure::AnswerLost);
    assert!(requests::fail(&kafka, &names, failure, Affected::All).is_err());
    assert!(stall::hold_back(&kafka, &names, LIMIT).is_err());
    let producer: FutureProducer = settings(&kafka, DRIVER_CLIENT).create().unwrap();
    send(&producer, 100).await;
    assert_eq!(written(&kafka), 1);
}
