//! The consuming client.
//!
//! librdkafka reports a rebalance from within a poll. It is only noted there and carried out by
//! the pipeline after the poll, which owns everything that has to be finished first; so no lock
//! is taken for a record.
//!
//! At least once, offsets are stored only when the pipeline says so, and librdkafka commits what is stored: it
//! tries again after a failure, waits during a rebalance, and commits once more, waiting for the
//! answer, before it gives partitions up (unless they are lost already). A commit asked for
//! directly would be worse: in the background its failure is never reported (librdkafka 2.12
//! tells only a callback in C), and what is stored would be committed over it on giving up.
//! Exactly once, nothing is stored: offsets are part of the producer's transactions.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::message::BorrowedMessage;
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;

use super::attempts::Care;
use super::commit::Positions;
use super::notes::Notes;
use super::record::Record;
use super::{PlantedBug, Processing, WorkerConfig, WorkerError};
use crate::clock;

/// A broker that does not answer for this long is given up; also bounds a commit.
const SOCKET_TIMEOUT_MS: u128 = 10_000;
/// A rebalance waits for the next heartbeat of every member, and the partitions that move stand
/// still meanwhile: hence more than the three a session that Kafka's documents ask for at least.
const HEARTBEATS_PER_SESSION: u128 = 10;
/// A worker that does not poll for this long leaves the group.
const POLL_INTERVAL_MS: &str = "600000";
/// Fetching a partition pauses above so many records, and any partition above so many kilobytes:
/// what a rebalance or a crash throws away.
const FETCH_AHEAD_RECORDS: &str = "2000";
const FETCH_AHEAD_KBYTES: &str = "16384";
/// How long it pauses. With librdkafka's second, a hot partition could not be drained quickly.
const FETCH_PAUSE_MS: &str = "10";

/// How often the client tells which brokers it reaches, with the planted bug that asks for it.
const STATISTICS_MS: &str = "200";
/// How soon new partitions are found.
const METADATA_REFRESH_MS: &str = "2000";
/// How long going back may take; it is a matter of this process alone.
const SEEK_LIMIT: Duration = Duration::from_secs(5);

/// A change of the assignment that waits to be carried out.
#[derive(Debug)]
pub(crate) enum Rebalance {
    /// Partitions to take on.
    Assign(Vec<i32>),
    /// Partitions to give up.
    Revoke(Vec<i32>),
}

/// Reads records.
pub(crate) struct Source {
    consumer: BaseConsumer<SourceContext>,
    topic: String,
    /// Only if a record that kills workers is to be put aside.
    notes: Option<RefCell<Notes>>,
}

#[derive(Default)]
struct SourceContext {
    /// True once the pipeline is gone: then assignments are carried out at once.
    closing: AtomicBool,
    /// When a broker was last found out of reach.
    broken: Mutex<Option<Instant>>,
    /// Something is in `rebalances`.
    news: AtomicBool,
    rebalances: Mutex<Vec<Rebalance>>,
}

impl Source {
    pub(crate) fn open(config: &WorkerConfig) -> Result<Self, WorkerError> {
        let failed = |error| WorkerError::Client { client: "consumer", error };
        let session_ms = config.session_timeout.as_millis();
        let socket_ms = SOCKET_TIMEOUT_MS.max(config.fetch_wait.as_millis() + 2_000);
        let transactional = matches!(config.processing, Processing::ExactlyOnce(_));
        let watches = config.planted_bug == Some(PlantedBug::LoseWhenRebalanceMeetsRestart);
        let consumer: BaseConsumer<SourceContext> = ClientConfig::new()
            .set("statistics.interval.ms", if watches { STATISTICS_MS } else { "0" })
            .set("bootstrap.servers", &config.bootstrap_servers)
            .set("client.id", &config.client_id)
            .set("group.id", &config.group_id)
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", session_ms.to_string())
            .set(
                "heartbeat.interval.ms",
                (session_ms / HEARTBEATS_PER_SESSION).clamp(1, 3_000).to_string(),
            )
            .set("max.poll.interval.ms", POLL_INTERVAL_MS)
            // Transactions commit offsets themselves, and must not read what others may abort.
            .set("enable.auto.commit", (!transactional).to_string())
            .set(
                "isolation.level",
                if transactional { "read_committed" } else { "read_uncommitted" },
            )
            .set("auto.commit.interval.ms", config.commit_interval.as_millis().to_string())
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("fetch.min.bytes", config.fetch_min_bytes.to_string())
            .set("fetch.wait.max.ms", config.fetch_wait.as_millis().to_string())
            .set("fetch.error.backoff.ms", "100")
            .set("queued.min.messages", FETCH_AHEAD_RECORDS)
            .set("queued.max.messages.kbytes", FETCH_AHEAD_KBYTES)
            .set("fetch.queue.backoff.ms", FETCH_PAUSE_MS)
            .set("socket.timeout.ms", socket_ms.to_string())
            .set("socket.nagle.disable", "true")
            .set("topic.metadata.refresh.interval.ms", METADATA_REFRESH_MS)
            .set("reconnect.backoff.max.ms", "1000")
            .set_log_level(RDKafkaLogLevel::Warning)
            .create_with_context(SourceContext::default())
            .map_err(failed)?;
        consumer.subscribe(&[&config.source_topic]).map_err(failed)?;
        let topic = config.source_topic.clone();
        let notes = config.attempts.map(|attempts| RefCell::new(Notes::new(attempts, &topic)));
        Ok(Self { consumer, topic, notes })
    }

    /// The next record, or `None` after a wait or when something else happened.
    pub(crate) fn poll(&self, wait: Duration) -> Result<Option<BorrowedMessage<'_>>, WorkerError> {
        match self.consumer.poll(wait) {
            Some(Ok(message)) => Ok(Some(message)),
            Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => {
                Err(WorkerError::Consume(error))
            }
            // librdkafka recovers from every other error by itself.
            Some(Err(error)) => {
                tracing::warn!(%error, "consumer");
                Ok(None)
            }
            None => Ok(None),
        }
    }

    /// When a broker was last found out of reach, if ever; known only with the planted bug that
    /// asks for it.
    pub(crate) fn broken(&self) -> Option<Instant> {
        *lock(&self.consumer.context().broken)
    }

    /// Rebalances noted during the last polls, to be carried out in order. If there are none it
    /// costs one atomic load.
    pub(crate) fn rebalances(&self) -> Vec<Rebalance> {
        let context = self.consumer.context();
        if !context.news.load(Ordering::Relaxed) {
            return Vec::new();
        }
        context.news.store(false, Ordering::Relaxed);
        std::mem::take(&mut *lock(&context.rebalances))
    }

    /// True if the partitions to be revoked may have another owner already.
    pub(crate) fn is_assignment_lost(&self) -> bool {
        self.consumer.assignment_lost()
    }

    pub(crate) fn assign(&self, partitions: &[i32]) {
        self.log(self.consumer.incremental_assign(&self.list(partitions)), "assign");
        if let Some(notes) = &self.notes {
            let list = self.list(partitions);
            self.log(notes.borrow_mut().taken_on(&self.consumer, list), "note");
        }
    }

    /// What to do about a record of which workers may have died. It is noted first, in case this
    /// worker does; without that one more worker may.
    pub(crate) fn care(&self, record: &Record<'_>) -> Care {
        let Some(notes) = &self.notes else { return Care::None };
        let begun = notes.borrow_mut().begin(&self.consumer, (record.partition, record.offset));
        begun.unwrap_or_else(|error| {
            self.log(Err(error), "note");
            Care::None
        })
    }

    /// Notes that this partition is read without care from now on.
    pub(crate) fn past(&self, partition: i32) {
        if let Some(notes) = &self.notes {
            self.log(notes.borrow_mut().past(&self.consumer, partition), "note");
        }
    }

    /// Tells whoever takes these partitions on that this worker did not die of their records.
    pub(crate) fn leave(&self, partitions: &[i32]) {
        if let Some(notes) = &self.notes {
            self.log(notes.borrow().commit(&self.consumer, partitions), "note");
        }
    }

    /// The same for all that it has.
    pub(crate) fn leave_all(&self) {
        if let Some(notes) = &self.notes {
            let partitions = notes.borrow().partitions();
            self.leave(&partitions);
        }
    }

    pub(crate) fn unassign(&self, partitions: &[i32]) {
        self.log(self.consumer.incremental_unassign(&self.list(partitions)), "unassign");
        if let Some(notes) = &self.notes {
            notes.borrow_mut().forget(partitions);
        }
    }

    /// Has these positions committed: in the background, within a commit interval, and before
    /// their partitions are given up.
    pub(crate) fn store(&self, positions: &Positions) {
        if positions.is_empty() {
            return;
        }
        let offsets = match &self.notes {
            None => Ok(self.offsets(positions)),
            Some(notes) => notes.borrow_mut().settle(positions),
        };
        let stored = offsets.and_then(|offsets| self.consumer.store_offsets(&offsets));
        self.log(stored, "store offsets");
    }

    fn list(&self, partitions: &[i32]) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(partitions.len());
        for &partition in partitions {
            list.add_partition(&self.topic, partition);
        }
        list
    }

    /// The member that this consumer is in its group; `None` if it is in none.
    pub(crate) fn group(&self) -> Option<ConsumerGroupMetadata> {
        self.consumer.group_metadata()
    }

    /// Goes back to these positions. A partition left where it is would be committed past what
    /// was aborted, so any failure is an error.
    pub(crate) fn seek(&self, positions: &Positions) -> Result<(), WorkerError> {
        if positions.is_empty() {
            return Ok(());
        }
        let list = self.consumer.seek_partitions(self.offsets(positions), SEEK_LIMIT);
        let list = list.map_err(WorkerError::Consume)?;
        match list.elements().iter().find_map(|element| element.error().err()) {
            Some(error) => Err(WorkerError::Consume(error)),
            None => Ok(()),
        }
    }

    /// Positions in the client's form.
    pub(crate) fn offsets(&self, positions: &Positions) -> TopicPartitionList {
        let mut list = TopicPartitionList::with_capacity(positions.len());
        for (&partition, &offset) in positions {
            let added = list.add_partition_offset(&self.topic, partition, Offset::Offset(offset));
            self.log(added, "commit");
        }
        list
    }

    /// Nothing is lost by a failed assignment or commit: the records come again.
    fn log(&self, result: KafkaResult<()>, what: &str) {
        if let Err(error) = result {
            tracing::warn!(%error, what, "consumer");
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.consumer.context().closing.store(true, Ordering::Relaxed);
        // A revocation noted but not carried out would keep the group waiting.
        for rebalance in self.rebalances() {
            match rebalance {
                Rebalance::Assign(partitions) => self.assign(&partitions),
                Rebalance::Revoke(partitions) => self.unassign(&partitions),
            }
        }
    }
}

impl ClientContext for SourceContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(?level, facility, message, "consumer");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "consumer");
    }

    fn stats(&self, statistics: Statistics) {
        // A connection that broke and is not up again; one that is made for the first time is
        // not up yet either.
        let is_broken = |broker: &rdkafka::statistics::Broker| {
            let has_broken = broker.disconnects.is_some_and(|times| times > 0);
            broker.nodeid >= 0 && has_broken && broker.state != "UP"
        };
        if statistics.brokers.values().any(is_broken) {
            *lock(&self.broken) = Some(clock::now());
        }
    }
}

impl ConsumerContext for SourceContext {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        event: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        let assign = event == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
        if self.closing.load(Ordering::Relaxed) {
            let done = if assign {
                consumer.incremental_assign(list)
            } else {
                consumer.incremental_unassign(list)
            };
            if let Err(error) = done {
                tracing::warn!(%error, "consumer: close");
            }
            return;
        }
        let partitions = list.elements().iter().map(|element| element.partition()).collect();
        let rebalance =
            if assign { Rebalance::Assign(partitions) } else { Rebalance::Revoke(partitions) };
        lock(&self.rebalances).push(rebalance);
        self.news.store(true, Ordering::Relaxed);
    }
}

/// Both ends run on one thread; a poisoned lock still holds a sound list.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
