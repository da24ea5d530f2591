//! What the tests with real clients share.

use std::ops::Range;
use std::time::{Duration, Instant};

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::BorrowedMessage;
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientContext, Message, Offset, TopicPartitionList};

/// Client settings that do not wait long.
pub(crate) fn settings(servers: &str) -> ClientConfig {
    let mut settings = ClientConfig::new();
    settings
        .set("bootstrap.servers", servers)
        .set("reconnect.backoff.ms", "20")
        .set("reconnect.backoff.max.ms", "100")
        .set("retry.backoff.ms", "20")
        .set("retry.backoff.max.ms", "100");
    settings
}

/// A consumer of all partitions from the start, in no group.
pub(crate) fn consumer(servers: &str, topic: &str, partitions: i32) -> BaseConsumer {
    let consumer: BaseConsumer = settings(servers)
        .set("group.id", "none")
        .set("auto.offset.reset", "error")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        assignment.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&assignment).unwrap();
    consumer
}

/// A subscribed member of a group.
pub(crate) fn group_consumer(
    servers: &str,
    group: &str,
    client: &str,
    topic: &str,
) -> BaseConsumer {
    let consumer: BaseConsumer = settings(servers)
        .set("group.id", group)
        .set("client.id", client)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("session.timeout.ms", "6000")
        .set("heartbeat.interval.ms", "200")
        .create()
        .unwrap();
    consumer.subscribe(&[topic]).unwrap();
    consumer
}

#[derive(Default)]
struct Acknowledged(std::sync::Arc<std::sync::Mutex<Vec<u64>>>);

impl ClientContext for Acknowledged {}

impl ProducerContext for Acknowledged {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Ok(message) = result {
            let number = u64::from_be_bytes(message.payload().unwrap()[..8].try_into().unwrap());
            self.0.lock().unwrap().push(number);
        }
    }
}

/// Sends each number once, in 200 bytes, and gives back those that were acknowledged.
pub(crate) fn produce(
    servers: &str,
    topic: &str,
    numbers: Range<u64>,
    more: &[(&str, &str)],
) -> Vec<u64> {
    let acknowledged = Acknowledged::default();
    let list = acknowledged.0.clone();
    let mut settings = settings(servers);
    settings.set("linger.ms", "2").set("queue.buffering.max.messages", "200000");
    for (name, value) in more {
        settings.set(*name, *value);
    }
    let producer: ThreadedProducer<_> = settings.create_with_context(acknowledged).unwrap();
    let mut payload = [7u8; 200];
    for number in numbers {
        payload[..8].copy_from_slice(&number.to_be_bytes());
        let key = number.to_be_bytes();
        let mut record = BaseRecord::to(topic).key(&key).payload(&payload);
        while let Err((error, back)) = producer.send(record) {
            let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
            assert_eq!(error, full);
            std::thread::sleep(Duration::from_millis(1));
            record = back;
        }
    }
    producer.flush(Duration::from_secs(30)).unwrap();
    drop(producer);
    std::sync::Arc::try_unwrap(list)
        .map_or_else(|list| list.lock().unwrap().clone(), |list| list.into_inner().unwrap())
}

/// Polls until `done` says so. Errors that pass by themselves are only told when it never does.
pub(crate) fn poll_until(
    consumer: &BaseConsumer,
    mut done: impl FnMut(&BorrowedMessage<'_>) -> bool,
) {
    let mut errors = Vec::new();
    let finished = attempt(Duration::from_secs(30), || {
        while let Some(polled) = consumer.poll(Duration::from_millis(50)) {
            match polled {
                Ok(message) if done(&message) => return true,
                Ok(_) => {}
                Err(error) => errors.push(error),
            }
        }
        false
    });
    assert!(finished, "errors on the way: {errors:?}, positions: {:?}", consumer.position());
}

/// Tries until it succeeds.
pub(crate) fn within(limit: Duration, step: impl FnMut() -> bool) {
    assert!(attempt(limit, step), "not within {limit:?}");
}

#[expect(clippy::disallowed_methods, reason = "a test with real clients runs in real time")]
fn attempt(limit: Duration, mut step: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < limit {
        if step() {
            return true;
        }
    }
    false
}
