//! The librdkafka clients of every measurement, the same for each broker.

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::time::Duration;

/// Bytes of a message.
pub const PAYLOAD: [u8; 200] = [b'x'; 200];

/// How long clients may take for anything.
pub const LIMIT: Duration = Duration::from_secs(120);

/// A producer with these settings besides the common ones.
///
/// # Errors
/// When librdkafka refuses a setting.
pub fn producer(bootstrap: &str, settings: &[(&str, &str)]) -> Result<BaseProducer, KafkaError> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("acks", "all");
    // Delivery is counted by the consumer; reports of success would only cost.
    config.set("delivery.report.only.error", "true").set("socket.nagle.disable", "true");
    settings.iter().for_each(|(name, value)| {
        config.set(*name, *value);
    });
    config.create()
}

/// A consumer of all partitions from their start.
///
/// # Errors
/// When librdkafka refuses a setting or the assignment.
pub fn consumer(
    bootstrap: &str,
    topic: &str,
    partitions: i32,
    settings: &[(&str, &str)],
) -> Result<BaseConsumer, KafkaError> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap).set("group.id", "bench");
    config.set("enable.auto.commit", "false").set("check.crcs", "false");
    config.set("socket.nagle.disable", "true");
    // With librdkafka's second of pause, a full queue would decide the throughput.
    config.set("fetch.queue.backoff.ms", "10");
    settings.iter().for_each(|(name, value)| {
        config.set(*name, *value);
    });
    let consumer: BaseConsumer = config.create()?;
    from_start(&consumer, topic, 0..partitions)?;
    Ok(consumer)
}

/// Assigns partitions of a topic from offset 0.
///
/// # Errors
/// When librdkafka refuses the assignment.
pub fn from_start(
    consumer: &BaseConsumer,
    topic: &str,
    partitions: impl Iterator<Item = i32>,
) -> Result<(), KafkaError> {
    let mut assignment = TopicPartitionList::new();
    for partition in partitions {
        assignment.add_partition_offset(topic, partition, Offset::Offset(0))?;
    }
    consumer.assign(&assignment)
}

/// Creates a topic with one replica a partition.
///
/// # Errors
/// When the broker refuses.
pub async fn create_topic(bootstrap: &str, topic: &str, partitions: i32) -> anyhow::Result<()> {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", bootstrap).create()?;
    let wanted = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
    let results = admin.create_topics(&[wanted], &AdminOptions::new()).await?;
    for result in results {
        result.map_err(|(topic, error)| anyhow::anyhow!("topic {topic}: {error}"))?;
    }
    Ok(())
}

/// Sends as fast as the producer's queue takes it.
///
/// # Errors
/// When librdkafka refuses a message for another reason than a full queue, or not all are sent.
pub fn send_all(producer: &BaseProducer, topic: &str, messages: u64) -> anyhow::Result<()> {
    for position in 0..messages {
        let mut record: BaseRecord<'_, [u8], _> = BaseRecord::to(topic).payload(&PAYLOAD[..]);
        while let Err((error, back)) = producer.send(record) {
            let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
            anyhow::ensure!(error == full, "send: {error}");
            record = back;
            producer.poll(Duration::from_millis(1));
        }
        if position % 1_024 == 0 {
            producer.poll(Duration::ZERO);
        }
    }
    producer.flush(LIMIT)?;
    Ok(())
}

/// Reads until `messages` have come.
///
/// # Errors
/// When a fetch fails or they do not come in time.
pub fn read_all(consumer: &BaseConsumer, messages: u64) -> anyhow::Result<()> {
    let start = crate::micro::now();
    for seen in 0..messages {
        let message = consumer.poll(LIMIT.saturating_sub(start.elapsed()));
        message.ok_or_else(|| anyhow::anyhow!("{seen} of {messages} messages came"))??;
    }
    Ok(())
}
