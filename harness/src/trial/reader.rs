//! Consumers that read every partition of a topic from its start, and belong to no group.

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

/// Reads partitions 0 to `partitions - 1` from offset 0, with these settings besides. An offset
/// that is out of range is an error: nothing may be passed over in silence.
pub(crate) fn from_start(
    bootstrap: &str,
    (topic, partitions): (&str, i32),
    settings: &[(&str, &str)],
) -> Result<BaseConsumer, KafkaError> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    for (name, value) in [
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        ("auto.offset.reset", "error"),
    ]
    .iter()
    .chain(settings)
    {
        config.set(*name, *value);
    }
    let consumer: BaseConsumer = config.create()?;
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        assignment.add_partition_offset(topic, partition, Offset::Offset(0))?;
    }
    consumer.assign(&assignment)?;
    Ok(consumer)
}
