//! The producer of strays.

use super::Upstream;
use super::strays::Lot;
use crate::clock::Anchor;
use crate::environment::{SOURCE_TOPIC, UPSTREAM_CLIENT};
use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use workloads::{Event, Generator, Stamp};

/// The client's own bound, above every size that a scenario may ask for: brokers are to refuse.
const MESSAGE_BYTES_MAX: &str = "10000000";
/// A schema version that no worker knows.
const UNKNOWN_SCHEMA: u8 = 99;
/// Longest sleep between two looks at the schedule.
const NAP_MAX: Duration = Duration::from_millis(5);
/// How long the last outcomes are waited for.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// What strays are like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Payload {
    /// Cut off in the middle.
    CutOff,
    /// Of a schema version that is unknown.
    UnknownSchema,
    /// A document of this length.
    Large(u32),
    /// A document that kills the reference worker.
    Poison,
}

/// What to send, how often, and how many at most.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batch {
    pub(super) payload: Payload,
    pub(super) rate_per_s: u32,
    pub(super) messages: u64,
}

impl Batch {
    /// At this rate until told to stop.
    pub(super) fn steady(payload: Payload, rate_per_s: u32) -> Self {
        Self { payload, rate_per_s, messages: u64::MAX }
    }
}

/// Sends strays until there are enough, told to stop, or for `limit`, and waits for their outcomes.
pub(super) fn run(
    upstream: &Upstream,
    lot: &Arc<Lot>,
    batch: Batch,
    (stop, limit): (&AtomicBool, Duration),
) -> Result<(), KafkaError> {
    let producer = connect(upstream, lot)?;
    let start = Anchor::now();
    let mut maker = Maker::new(upstream, batch.payload);
    let mut position = 0;
    while !stop.load(Ordering::Relaxed) && start.elapsed() < limit && position < batch.messages {
        let due = Duration::from_secs_f64(position as f64 / f64::from(batch.rate_per_s));
        let early = due.saturating_sub(start.elapsed());
        if !early.is_zero() {
            producer.poll(early.min(NAP_MAX));
            continue;
        }
        let due_us = u64::try_from(due.as_micros()).unwrap_or(u64::MAX);
        maker.make(position, start.unix_us().saturating_add(due_us), lot.tag);
        maker.send(&producer, position);
        position += 1;
    }
    producer.flush(FLUSH_LIMIT)
}

/// Makes the records; its buffers are used for each anew.
struct Maker {
    generator: Generator,
    payload: Payload,
    event: Event,
    bytes: Vec<u8>,
    stamp: [u8; Stamp::BYTES],
}

impl Maker {
    fn new(upstream: &Upstream, payload: Payload) -> Self {
        let mut generator = Generator::new(&upstream.workload, upstream.seed);
        if let Payload::Large(bytes) = payload {
            generator = generator.with_payload_bytes(bytes as usize);
        }
        let (event, bytes) = (Event::default(), Vec::new());
        Self { generator, payload, event, bytes, stamp: [0; Stamp::BYTES] }
    }

    fn make(&mut self, position: u64, intended_us: u64, tag: u32) {
        self.generator.event(position, &mut self.event);
        let version = match self.payload {
            Payload::UnknownSchema => UNKNOWN_SCHEMA,
            Payload::CutOff | Payload::Large(_) | Payload::Poison => self.event.schema_version,
        };
        self.generator.serialize(&self.event, version, &mut self.bytes);
        match self.payload {
            Payload::CutOff => self.bytes.truncate(self.bytes.len() / 2),
            Payload::Poison => workloads::worker::poison(&mut self.bytes),
            Payload::UnknownSchema | Payload::Large(_) => {}
        }
        let stamp = Stamp { intended_us, schema_version: version, ..self.event.stamp(tag) };
        self.stamp = stamp.encode();
    }

    /// What does not fit into the client's queue is not sent: it is in no account.
    fn send(&self, producer: &BaseProducer<Outcomes>, position: u64) {
        let headers = OwnedHeaders::new_with_capacity(1)
            .insert(Header { key: Stamp::HEADER, value: Some(&self.stamp[..]) });
        let record = BaseRecord::with_opaque_to(SOURCE_TOPIC, position as usize)
            .key(self.event.key_bytes())
            .payload(&self.bytes[..])
            .headers(headers);
        if let Err((error, _)) = producer.send(record) {
            tracing::debug!(%error, position, "stray not sent");
        }
    }
}

fn connect(upstream: &Upstream, lot: &Arc<Lot>) -> Result<BaseProducer<Outcomes>, KafkaError> {
    ClientConfig::new()
        .set("bootstrap.servers", &upstream.bootstrap)
        .set("client.id", UPSTREAM_CLIENT)
        .set("acks", "all")
        // A refused batch must not cost another its place in an idempotent producer's order.
        .set("enable.idempotence", "false")
        .set("batch.num.messages", "1")
        .set("linger.ms", "0")
        .set("message.max.bytes", MESSAGE_BYTES_MAX)
        .set("message.timeout.ms", "30000")
        .set("reconnect.backoff.ms", "20")
        .set("reconnect.backoff.max.ms", "200")
        .set("retry.backoff.ms", "20")
        .create_with_context(Outcomes(Arc::clone(lot)))
}

/// Takes delivery reports into the account.
struct Outcomes(Arc<Lot>);

impl ClientContext for Outcomes {}

impl ProducerContext for Outcomes {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, position: usize) {
        use RDKafkaErrorCode::{InvalidMessageSize, MessageSizeTooLarge};
        match result {
            Ok(_) => self.0.accepted(position as u64),
            Err((KafkaError::MessageProduction(MessageSizeTooLarge | InvalidMessageSize), _)) => {
                self.0.refused();
            }
            // Nobody knows what became of it.
            Err((error, _)) => tracing::debug!(%error, position, "stray"),
        }
    }
}
