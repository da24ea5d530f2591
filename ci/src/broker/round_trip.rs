//! The time from a send to its arrival at a consumer, at a fixed rate.

use super::clients::{LIMIT, PAYLOAD, consumer, producer};
use crate::micro::{now, punctual, wait_until};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, Producer};
use results::Latencies;
use std::thread;
use std::time::Duration;

/// Offers `rate_per_s` for so many messages, one send at a time, and measures each from its
/// intended time.
///
/// # Errors
/// When a client fails or messages are missing.
pub fn latencies(
    bootstrap: &str,
    topic: &str,
    partitions: i32,
    rate_per_s: u64,
    messages: u64,
) -> anyhow::Result<Latencies> {
    let producer = producer(bootstrap, &[("linger.ms", "0")])?;
    let consumer = consumer(bootstrap, topic, partitions, &[])?;
    super::clients::send_all(&producer, topic, 1)?;
    super::clients::read_all(&consumer, 1)?;
    let start = now() + Duration::from_millis(50);
    let due = |position: u64| Duration::from_nanos(position * 1_000_000_000 / rate_per_s);
    let send = || -> anyhow::Result<()> {
        punctual()?;
        for position in 0..messages {
            wait_until(start + due(position));
            let mut payload = PAYLOAD;
            payload[..8].copy_from_slice(&position.to_be_bytes());
            let record: BaseRecord<'_, [u8], _> = BaseRecord::to(topic).payload(&payload[..]);
            producer.send(record).map_err(|(error, _)| error)?;
            producer.poll(Duration::ZERO);
        }
        Ok(producer.flush(LIMIT)?)
    };
    thread::scope(|scope| {
        let sent = scope.spawn(send);
        let mut latencies = Latencies::new();
        for _ in 0..messages {
            let message = consumer.poll(LIMIT);
            let message = message.ok_or_else(|| anyhow::anyhow!("messages are missing"))??;
            let stamp = message.payload().and_then(|bytes| bytes.first_chunk::<8>());
            let position = stamp.map(|stamp| u64::from_be_bytes(*stamp)).unwrap_or_default();
            let took = start.elapsed().saturating_sub(due(position));
            latencies.record_us(i64::try_from(took.as_micros()).unwrap_or(i64::MAX));
        }
        sent.join().map_err(|_| anyhow::anyhow!("the producer's thread panicked"))??;
        Ok(latencies)
    })
}
