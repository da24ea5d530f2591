//! How fast a backlog is read.

use super::clients::{consumer, read_all};
use crate::micro::now;

const CONSUMER: [(&str, &str); 3] = [
    ("fetch.wait.max.ms", "50"),
    ("fetch.message.max.bytes", "4194304"),
    ("queued.min.messages", "1000000"),
];

/// Messages a second by which a new consumer reads what lies in the topic.
///
/// # Errors
/// When the consumer fails or messages are missing.
pub fn per_s(bootstrap: &str, topic: &str, partitions: i32, messages: u64) -> anyhow::Result<f64> {
    let consumer = consumer(bootstrap, topic, partitions, &CONSUMER)?;
    let start = now();
    read_all(&consumer, messages)?;
    Ok(messages as f64 / start.elapsed().as_secs_f64())
}
