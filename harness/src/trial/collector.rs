//! The collector: reads every result, measures its response time and shows it to the oracle.

mod intake;

pub(crate) use intake::{Read, take};

use super::phases::Phases;
use super::reader;
use crate::clock::Anchor;
use crate::oracle::{Ledger, Oracle};
use crate::scenario::planted::HarnessBug;
use crate::upstream::strays::Strays;
use rdkafka::consumer::BaseConsumer;
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message};
use results::{Guarantee, Latencies};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use workloads::{Arrival, Stamp};

/// Longest that the end of the result topic may be away from a collector that is told to end.
const TAIL_LIMIT: Duration = Duration::from_secs(5);

/// What a collector needs.
#[derive(Debug)]
pub struct CollectorPlan {
    /// Bootstrap servers.
    pub bootstrap: String,
    /// Result topic.
    pub topic: String,
    /// Its partitions.
    pub partitions: i32,
    /// Tag of the trial in stamps.
    pub trial: u32,
    /// What the job promises: under exactly once, results of open and aborted transactions are
    /// passed over.
    pub guarantee: Guarantee,
    /// How many keys stamps may name.
    pub keys: usize,
    /// When each message is due.
    pub arrival: Arrival,
    /// How many of them the workload itself has.
    pub symbols: u32,
    /// What is sent beside the load.
    pub strays: Option<Arc<Strays>>,
    /// When the load starts.
    pub anchor: Anchor,
    /// The phases of the load.
    pub phases: Arc<Phases>,
    /// A mistake to make, if any.
    pub bug: Option<HarnessBug>,
}

/// Response times of the results observed in an interval.
#[derive(Debug, Default)]
pub struct Interval {
    /// Those that count.
    pub measured: Latencies,
    /// Those of messages whose intended time lies in the warm-up.
    pub warm_up: Latencies,
}

impl Interval {
    /// All of them.
    pub fn all(&self) -> Latencies {
        let mut all = self.measured.clone();
        all.merge(&self.warm_up);
        all
    }
}

/// What the collector shows while it runs.
#[derive(Debug)]
pub struct Live {
    /// First results so far.
    pub observed: AtomicU64,
    /// Where the partitions of the result topic end: set to end the collector, which reads up to
    /// there if it can.
    pub ends: OnceLock<Vec<i64>>,
    /// Response times since the last [`Live::take_interval`].
    interval: Mutex<Interval>,
    /// Next offset to read, by partition.
    positions: Vec<AtomicI64>,
}

impl Live {
    /// Nothing observed, over `partitions` partitions.
    pub fn new(partitions: i32) -> Arc<Self> {
        Arc::new(Self {
            observed: AtomicU64::new(0),
            ends: OnceLock::new(),
            interval: Mutex::default(),
            positions: (0..partitions).map(|_| AtomicI64::new(0)).collect(),
        })
    }

    /// Response times since the last call.
    pub fn take_interval(&self) -> Interval {
        let mut interval = self.interval.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *interval)
    }

    /// Whether the collector has been told to end, and has read so far.
    fn is_read(&self) -> bool {
        let reached = |ends: &Vec<i64>| {
            self.positions().iter().zip(ends).all(|(position, end)| position >= end)
        };
        self.ends.get().is_some_and(reached)
    }

    /// Next offset to read, by partition: everything before has been taken in.
    pub fn positions(&self) -> Vec<i64> {
        self.positions.iter().map(|offset| offset.load(Ordering::Relaxed)).collect()
    }
}

/// What a collector saw by the end.
#[derive(Debug)]
pub struct CollectorReport {
    /// The oracle with everything it observed.
    pub oracle: Oracle,
    /// Response times by phase of the load.
    pub phases: BTreeMap<&'static str, Latencies>,
    /// First results by payload schema version.
    pub schema_versions: BTreeMap<u8, u64>,
    /// Reads that failed in a way from which the client does not recover by itself.
    pub unreadable: u64,
}

/// Reads results up to [`Live::ends`].
///
/// # Errors
/// When the client cannot be made or the partitions cannot be assigned.
pub fn collect(
    plan: &CollectorPlan,
    ledger: &Ledger,
    live: &Live,
) -> Result<CollectorReport, KafkaError> {
    let consumer = connect(plan)?;
    let mut report = CollectorReport::new(plan);
    let mut limit = None;
    while !live.is_read() {
        if live.ends.get().is_some()
            && limit.get_or_insert_with(|| Anchor::ahead(TAIL_LIMIT)).elapsed_ns() >= 0
        {
            break;
        }
        let Some(item) = consumer.poll(Duration::from_millis(50)) else { continue };
        // The lock is taken once a batch of results, not once a result.
        let mut interval = live.interval.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Some(item);
        let mut budget = 1000;
        while let Some(item) = next.take() {
            match item {
                Ok(message) => {
                    let read = read_of(plan, &message);
                    take(plan, ledger, live, &mut report, &mut interval, &read);
                }
                Err(error) => {
                    report.unreadable += u64::from(is_final(&error));
                    tracing::debug!(%error, "collector");
                }
            }
            budget -= 1;
            if budget > 0 {
                next = consumer.poll(Duration::ZERO);
            }
        }
    }
    Ok(report)
}

fn read_of(plan: &CollectorPlan, message: &rdkafka::message::BorrowedMessage<'_>) -> Read {
    let (partition, offset) = (message.partition(), message.offset());
    Read { partition, offset, stamp: stamp_of(message), at_us: plan.anchor.now_us() }
}

/// Whether a partition is read no further after this error.
pub(super) fn is_final(error: &KafkaError) -> bool {
    use rdkafka::error::RDKafkaErrorCode::{AutoOffsetReset, OffsetOutOfRange};
    matches!(error.rdkafka_error_code(), Some(AutoOffsetReset | OffsetOutOfRange))
        || matches!(error, KafkaError::MessageConsumptionFatal(_))
}

/// The stamp that a worker copied from the source record.
pub(crate) fn stamp_of(message: &rdkafka::message::BorrowedMessage<'_>) -> Option<Stamp> {
    let headers = message.headers()?;
    headers.iter().find(|header| header.key == Stamp::HEADER).and_then(|h| Stamp::decode(h.value?))
}

fn connect(plan: &CollectorPlan) -> Result<BaseConsumer, KafkaError> {
    let committed_only = plan.guarantee == Guarantee::ExactlyOnce;
    let isolation = if committed_only { "read_committed" } else { "read_uncommitted" };
    let settings = [
        ("client.id", crate::environment::COLLECTOR_CLIENT),
        ("group.id", "stormgauge-collector"),
        ("isolation.level", isolation),
        ("fetch.wait.max.ms", "100"),
        ("fetch.message.max.bytes", "4194304"),
        ("queued.max.messages.kbytes", "131072"),
        ("reconnect.backoff.ms", "20"),
        ("reconnect.backoff.max.ms", "200"),
        ("retry.backoff.ms", "20"),
        ("topic.metadata.refresh.fast.interval.ms", "50"),
        ("check.crcs", "false"),
    ];
    reader::from_start(&plan.bootstrap, (&plan.topic, plan.partitions), &settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_ends_when_it_is_told_where_and_has_read_so_far() {
        let live = Live::new(2);
        assert!(!live.is_read(), "nobody has told it");
        live.ends.set(vec![3, 0]).unwrap();
        assert!(!live.is_read());
        live.positions[0].store(2, Ordering::Relaxed);
        live.positions[1].store(9, Ordering::Relaxed);
        assert!(!live.is_read());
        live.positions[0].store(3, Ordering::Relaxed);
        assert!(live.is_read());
        let anywhere = Live::new(2);
        anywhere.ends.set(Vec::new()).unwrap();
        assert!(anywhere.is_read());
    }
}
