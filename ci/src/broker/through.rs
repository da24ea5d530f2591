//! Messages in and out at once: one producer that sends as fast as it can, one consumer that
//! reads beside it.

use super::clients::{consumer, producer, read_all, send_all};
use crate::micro::now;
use std::thread;

/// Settings that let librdkafka move as much as it can on two cores.
const PRODUCER: [(&str, &str); 3] =
    [("linger.ms", "5"), ("batch.size", "1000000"), ("queue.buffering.max.messages", "1000000")];
const CONSUMER: [(&str, &str); 3] = [
    ("fetch.min.bytes", "65536"),
    ("fetch.wait.max.ms", "50"),
    ("fetch.message.max.bytes", "4194304"),
];

/// Messages a second from the first send to the last message read.
///
/// # Errors
/// When a client fails or messages are missing in the end.
pub fn per_s(bootstrap: &str, topic: &str, partitions: i32, messages: u64) -> anyhow::Result<f64> {
    let consumer = consumer(bootstrap, topic, partitions, &CONSUMER)?;
    let producer = producer(bootstrap, &PRODUCER)?;
    // The first message finds brokers and leaders known to both.
    send_all(&producer, topic, 1)?;
    read_all(&consumer, 1)?;
    let start = now();
    thread::scope(|scope| {
        let sent = scope.spawn(|| send_all(&producer, topic, messages));
        let read = read_all(&consumer, messages);
        sent.join().map_err(|_| anyhow::anyhow!("the producer's thread panicked"))??;
        read
    })?;
    Ok(messages as f64 / start.elapsed().as_secs_f64())
}
