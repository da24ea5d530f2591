//! The transactional producing client.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerGroupMetadata;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{Producer, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::TopicPartitionList;

use super::transaction::{Remedy, remedy};
use crate::clock::{self, WallClock};
use crate::worker::processing::Transactions;
use crate::worker::record::Record;
use crate::worker::sink::{QUEUE_FULL_WAIT, Topics, pending, settings};
use crate::worker::{WorkerConfig, WorkerError};

/// Longest single call, so that a signal is seen and an error is logged now and then.
const CALL_MAX: Duration = Duration::from_secs(1);
/// Pause before a call is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(20);
/// How long a worker tries to get its producer id before it gives up and is started again.
const OPEN_LIMIT: Duration = Duration::from_secs(60);

/// Writes results in transactions.
pub(super) struct Transactor {
    producer: Client,
    topics: Topics,
    /// How long a call may go on past its own limit before the client is given up.
    patience: Duration,
}

type Client = ThreadedProducer<TransactorContext>;

/// How a step towards the end of a transaction went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// It is done.
    Done,
    /// It cannot be done: the transaction must be aborted.
    MustAbort,
}

/// What the client made of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// It is part of the transaction.
    Taken,
    /// It is not, and the transaction must be aborted.
    MustAbort,
}

struct TransactorContext;

impl Transactor {
    /// Makes the client, ends what its predecessor left open and fences it; `None` if the worker
    /// was told to stop meanwhile.
    pub(super) fn open(
        config: &WorkerConfig,
        transactions: &Transactions,
        clock: WallClock,
        stop: &AtomicBool,
    ) -> Result<Option<Self>, WorkerError> {
        let timeout_ms = transactions.timeout.as_millis().to_string();
        let producer: Client = settings(config)
            .set("transactional.id", &transactions.id)
            .set("transaction.timeout.ms", &timeout_ms)
            // A result that is not delivered by then would be aborted anyway.
            .set("delivery.timeout.ms", &timeout_ms)
            .create_with_context(TransactorContext)
            .map_err(|error| WorkerError::Client { client: "producer", error })?;
        let topics = Topics::of(config, clock);
        // After that the brokers have aborted the transaction whatever the client does.
        let transactor = Self { producer, topics, patience: transactions.timeout };
        let deadline = clock::now() + OPEN_LIMIT;
        while !stop.load(Ordering::Relaxed) {
            match transactor.producer.init_transactions(CALL_MAX) {
                Ok(()) => return Ok(Some(transactor)),
                Err(error) if remedy(&error) == Remedy::Retry && clock::now() < deadline => {
                    tracing::debug!(%error, "init transactions");
                    clock::sleep(RETRY_PAUSE);
                }
                Err(error) => return Err(failed("init transactions", &error)),
            }
        }
        Ok(None)
    }

    pub(super) fn begin(&self) -> Result<(), WorkerError> {
        self.producer.begin_transaction().map_err(|error| failed("begin", &error))
    }

    /// Hands a result to the client; waits while its queue is full.
    pub(super) fn send(&self, record: &Record<'_>) -> Result<Written, WorkerError> {
        let mut next = pending(&self.topics, record, ());
        loop {
            match self.producer.send(next) {
                Ok(()) => return Ok(Written::Taken),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    clock::sleep(QUEUE_FULL_WAIT);
                    next = back;
                }
                // librdkafka takes no more messages once the transaction has failed.
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::State), _)) => {
                    return Ok(Written::MustAbort);
                }
                Err((error, _)) => return Err(WorkerError::Produce(error.to_string())),
            }
        }
    }

    /// Makes offsets part of the transaction, in the name of this member of the group (KIP-447).
    pub(super) fn add_offsets(
        &self,
        offsets: TopicPartitionList,
        group: ConsumerGroupMetadata,
        deadline: Instant,
    ) -> Result<Step, WorkerError> {
        let what = Arc::new((offsets, group));
        self.attempt("send offsets", deadline, move |producer, limit| {
            producer.send_offsets_to_transaction(&what.0, &what.1, limit)
        })
    }

    pub(super) fn commit(&self, deadline: Instant) -> Result<Step, WorkerError> {
        self.attempt("commit", deadline, |producer, limit| producer.commit_transaction(limit))
    }

    pub(super) fn abort(&self, deadline: Instant) -> Result<(), WorkerError> {
        let abort = |producer: &Client, limit| producer.abort_transaction(limit);
        match self.attempt("abort", deadline, abort)? {
            Step::Done => Ok(()),
            Step::MustAbort => {
                Err(WorkerError::Transaction("abort: asked to abort again".to_owned()))
            }
        }
    }

    /// Calls until it works or cannot work, at least once. An end that is neither is an error: the
    /// next process with this transactional id finds out what became of the transaction.
    fn attempt(
        &self,
        what: &str,
        deadline: Instant,
        call: impl Fn(&Client, Duration) -> KafkaResult<()> + Clone + Send + 'static,
    ) -> Result<Step, WorkerError> {
        loop {
            let left = deadline.saturating_duration_since(clock::now());
            let Err(error) = self.guarded(what, left.clamp(RETRY_PAUSE, CALL_MAX), call.clone())?
            else {
                return Ok(Step::Done);
            };
            match remedy(&error) {
                Remedy::Abort => {
                    tracing::warn!(%error, what, "transaction");
                    return Ok(Step::MustAbort);
                }
                Remedy::Retry if clock::now() < deadline => {
                    tracing::debug!(%error, what, "transaction");
                    clock::sleep(RETRY_PAUSE);
                }
                Remedy::Retry | Remedy::Stop => return Err(failed(what, &error)),
            }
        }
    }
    /// Calls on a thread of its own: librdkafka 2.12 can wait in `send_offsets_to_transaction` for
    /// ever when the group's coordinator dies meanwhile, whatever limit it was given.
    fn guarded(
        &self,
        what: &str,
        limit: Duration,
        call: impl FnOnce(&Client, Duration) -> KafkaResult<()> + Send + 'static,
    ) -> Result<KafkaResult<()>, WorkerError> {
        let (answer, answered) = sync_channel(1);
        let producer = self.producer.clone();
        // Nobody may be waiting for the answer any more.
        let run = move || answer.send(call(&producer, limit)).ok();
        let spawned = thread::Builder::new().name("transaction".to_owned()).spawn(run);
        spawned.map_err(|error| WorkerError::Transaction(format!("{what}: {error}")))?;
        answered.recv_timeout(limit + self.patience).map_err(|_| {
            WorkerError::Transaction(format!("{what}: the client did not answer within its limit"))
        })
    }
}

fn failed(what: &str, error: &KafkaError) -> WorkerError {
    WorkerError::Transaction(format!("{what}: {error}"))
}

impl ClientContext for TransactorContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(?level, facility, message, "producer");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "producer");
    }
}

impl ProducerContext for TransactorContext {
    type DeliveryOpaque = ();

    /// A result that was not delivered fails its transaction, which the next call on it tells.
    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            tracing::debug!(%error, "producer: delivery");
        }
    }
}
