//! The producing client: results out, acknowledgements in.

use std::sync::Arc;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::util::IntoOpaque;

use super::acknowledgements::Acknowledgements;
use super::metrics::Metrics;
use super::record::{Record, stamp_bytes};
use super::{Rejection, WorkerConfig, WorkerError};
use crate::clock::{self, WallClock};
use crate::stamp::Stamp;

/// Results that wait for the broker, at most; the consumer waits when it is full.
const QUEUE_RECORDS: &str = "100000";
const QUEUE_KBYTES: &str = "65536";
/// What brokers accepted they accept again: their bound (of 1 MiB) is above the client's own.
const MESSAGE_BYTES_MAX: &str = "10000000";
/// With one request at a time results stay in order when a connection is lost, and brokers answer the
/// requests of a connection one by one anyway. (librdkafka makes one more ready meanwhile, and sends it
/// first when a broker refuses the one before: that order only an idempotent client keeps.) An idempotent
/// client would spin while a broker is slow to answer: on a machine with few processors a dozen of them
/// hold up the very brokers they wait for. What is written twice since an answer was lost is what "at
/// least once" allows.
const REQUESTS_AT_ONCE: &str = "1";
/// A result that could not be delivered for this long fails, and the worker with it.
const DELIVERY_TIMEOUT_MS: &str = "300000";
pub(super) const QUEUE_FULL_WAIT: Duration = Duration::from_millis(1);

/// Writes results.
pub(crate) struct Sink {
    producer: ThreadedProducer<SinkContext>,
    topics: Topics,
    acknowledgements: Arc<Acknowledgements>,
}

/// Where records go, and what dates them.
pub(super) struct Topics {
    results: String,
    dead_letters: Option<String>,
    clock: WallClock,
}

impl Topics {
    pub(super) fn of(config: &WorkerConfig, clock: WallClock) -> Self {
        let dead_letters = config.dead_letter_topic.clone();
        Self { results: config.result_topic.clone(), dead_letters, clock }
    }
}

struct SinkContext {
    acknowledgements: Arc<Acknowledgements>,
    metrics: Arc<Metrics>,
}

impl Sink {
    pub(crate) fn open(
        config: &WorkerConfig,
        acknowledgements: &Arc<Acknowledgements>,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, WorkerError> {
        let context = SinkContext {
            acknowledgements: Arc::clone(acknowledgements),
            metrics: Arc::clone(metrics),
        };
        let producer = settings(config)
            .set("max.in.flight.requests.per.connection", REQUESTS_AT_ONCE)
            .set("delivery.timeout.ms", DELIVERY_TIMEOUT_MS)
            .create_with_context(context)
            .map_err(|error| WorkerError::Client { client: "producer", error })?;
        Ok(Self {
            producer,
            topics: Topics::of(config, metrics.clock()),
            acknowledgements: Arc::clone(acknowledgements),
        })
    }

    /// Hands a result to the client; waits while its queue is full, and never drops.
    pub(crate) fn send(&self, record: &Record<'_>, epoch: usize) -> Result<(), WorkerError> {
        let mut next = pending(&self.topics, record, epoch);
        loop {
            match self.producer.send(next) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    self.check()?;
                    clock::sleep(QUEUE_FULL_WAIT);
                    next = back;
                }
                Err((error, _)) => return Err(WorkerError::Produce(error.to_string())),
            }
        }
    }

    /// The first failed delivery, if any.
    pub(crate) fn check(&self) -> Result<(), WorkerError> {
        match self.acknowledgements.failure() {
            Some(reason) => Err(WorkerError::Produce(reason.to_owned())),
            None => Ok(()),
        }
    }

    /// Sends what lingers and waits for the acknowledgements; true if all came in time.
    pub(crate) fn flush(&self, limit: Duration) -> bool {
        self.producer.flush(limit).is_ok() && self.acknowledgements.failure().is_none()
    }
}

/// Client settings of any producer of results.
pub(super) fn settings(config: &WorkerConfig) -> ClientConfig {
    let mut settings = ClientConfig::new();
    settings
        .set("bootstrap.servers", &config.bootstrap_servers)
        .set("client.id", &config.client_id)
        .set("acks", "all")
        .set("linger.ms", config.linger.as_millis().to_string())
        .set("batch.size", config.batch_bytes.to_string())
        .set("message.max.bytes", MESSAGE_BYTES_MAX)
        .set("queue.buffering.max.messages", QUEUE_RECORDS)
        .set("queue.buffering.max.kbytes", QUEUE_KBYTES)
        .set("socket.nagle.disable", "true")
        .set("reconnect.backoff.max.ms", "1000")
        .set_log_level(RDKafkaLogLevel::Warning);
    settings
}

/// The result of a record, or its dead letter: same key, same value, and its stamp copied.
pub(super) fn pending<'a, D: IntoOpaque>(
    topics: &'a Topics,
    record: &Record<'a>,
    opaque: D,
) -> BaseRecord<'a, [u8], [u8], D> {
    let aside = topics.dead_letters.as_deref().filter(|_| record.rejected.is_some());
    let mut pending = BaseRecord::with_opaque_to(aside.unwrap_or(&topics.results), opaque);
    pending.key = record.key;
    pending.payload = record.value;
    pending.timestamp = i64::try_from((topics.clock)() / 1_000).ok();
    let why = record.rejected.map(|rejection| rejection.as_str().as_bytes());
    let headers = [(Stamp::HEADER, record.header), (Rejection::HEADER, why)];
    for (key, value) in headers.into_iter().filter(|(_, value)| value.is_some()) {
        let headers = pending.headers.take();
        let headers = headers.unwrap_or_else(|| OwnedHeaders::new_with_capacity(1));
        pending.headers = Some(headers.insert(Header { key, value }));
    }
    pending
}

impl ClientContext for SinkContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(?level, facility, message, "producer");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "producer");
    }
}

impl ProducerContext for SinkContext {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, epoch: usize) {
        match result {
            Ok(message) => {
                self.acknowledgements.acknowledge(epoch);
                let stamp = message.headers().and_then(stamp_bytes).and_then(Stamp::decode);
                if let Some(stamp) = stamp {
                    self.metrics.acknowledged([stamp.intended_us]);
                }
            }
            Err((error, _)) => self.acknowledgements.fail(error.to_string()),
        }
    }
}
