//! A load as a trial has it: every message with its key and its stamp, in the ledger when it is sent,
//! when it is acknowledged and when it is read, and under the eyes of the checkers.

use super::topic::{PARTITIONS, Topic};
use crate::broker::clients::LIMIT;
use crate::micro::now;
use anyhow::{anyhow, ensure};
use harness::clock::Anchor;
use harness::oracle::Ledger;
use harness::trial::{CollectorPlan, DriverPlan, Live, Phases, Published, collect, drive};
use harness::upstream::tampering::Tampering;
use results::Guarantee;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use workloads::spec::{ShapeSpec, StepSpec};
use workloads::{Event, Generator, Workload, WorkloadSpec};

/// Bytes of a payload.
const PAYLOAD_BYTES: u32 = 1_024;
/// Keys, so many that partitions get alike.
const KEYS: u32 = 1_000;
/// Of every load: each has a topic of its own.
const TRIAL: u32 = 1;
const SEED: u64 = 1;
/// More than any driver sends in a second.
const UNTHROTTLED_PER_S: u64 = 1_000_000;
/// Longer than a driver takes for all that it is asked to send.
const UNTHROTTLED_MAX: Duration = Duration::from_secs(120);
/// Time between two looks at how far a collector has come.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Settings of a producer by the names that librdkafka and Kafka's own clients share.
pub type Settings = Vec<(String, String)>;

/// Messages to be sent, and what has become of them.
#[derive(Debug)]
pub struct Load {
    workload: Workload,
    anchor: Anchor,
    ledger: Arc<Ledger>,
}

impl Load {
    /// So many messages, all of them due before they can be sent.
    ///
    /// # Errors
    /// When there are too many.
    pub fn unthrottled(messages: u64) -> anyhow::Result<Self> {
        // Just before one more would be due.
        let end_ns = messages.saturating_mul(1_000_000_000 / UNTHROTTLED_PER_S).saturating_sub(1);
        let at = Duration::from_nanos(end_ns);
        let shape = ShapeSpec::Steps(vec![StepSpec { at, rate_per_s: 0.0 }]);
        Self::new(UNTHROTTLED_PER_S, shape, UNTHROTTLED_MAX, Anchor::now())
    }

    /// Messages at a fixed rate from an anchor on.
    ///
    /// # Errors
    /// When the rate or the time is none that a scenario may have.
    pub fn paced(rate_per_s: u64, length: Duration, anchor: Anchor) -> anyhow::Result<Self> {
        Self::new(rate_per_s, ShapeSpec::Constant, length, anchor)
    }

    fn new(
        rate_per_s: u64,
        shape: ShapeSpec,
        length: Duration,
        anchor: Anchor,
    ) -> anyhow::Result<Self> {
        let spec: WorkloadSpec = serde_json::from_value(serde_json::json!({
            "events": { "market_data": { "symbols": KEYS, "skew": 0.0 } },
            "arrival": { "rate_per_s": rate_per_s, "shape": shape },
            "payload_bytes": PAYLOAD_BYTES,
        }))?;
        let workload = spec
            .validate(length)
            .map_err(|problems| anyhow!("the benchmark's workload: {problems:?}"))?;
        let ledger = Arc::new(Ledger::new(workload.total()));
        Ok(Self { workload, anchor, ledger })
    }

    /// How many messages there are.
    pub fn messages(&self) -> u64 {
        self.ledger.planned()
    }

    /// Their payloads.
    pub fn payloads(&self) -> Vec<Vec<u8>> {
        let mut generator = Generator::new(&self.workload, SEED);
        let mut event = Event::default();
        let payload = |position| {
            let mut payload = Vec::new();
            generator.event(position, &mut event);
            generator.serialize(&event, event.schema_version, &mut payload);
            payload
        };
        (0..self.messages()).map(payload).collect()
    }

    /// Times to acknowledgements of these messages.
    pub fn published(&self) -> Arc<Published> {
        Arc::new(Published::new(&self.workload, self.anchor))
    }

    /// Sends them, and waits until all are acknowledged.
    ///
    /// # Errors
    /// When the driver fails, or not all are.
    pub fn drive(
        &self,
        topic: &Topic,
        settings: &Settings,
        published: Option<Arc<Published>>,
    ) -> anyhow::Result<()> {
        let plan = DriverPlan {
            bootstrap: topic.bootstrap.clone(),
            topic: topic.name.clone(),
            workload: self.workload.clone(),
            seed: SEED,
            trial: TRIAL,
            anchor: self.anchor,
            client: settings.clone(),
            grows: false,
            tampering: Arc::new(Tampering::new(KEYS)),
            published,
            bug: None,
        };
        let stop = AtomicBool::new(false);
        // A thread of its own, as in a trial: its priority stays with it, and with all that it starts.
        thread::scope(|scope| scope.spawn(|| drive(&plan, &self.ledger, &stop)).join())
            .map_err(|_| anyhow!("the driver panicked"))??;
        let (messages, counts) = (self.messages(), self.ledger.counts());
        ensure!(counts.acknowledged == messages, "not all of {messages} messages: {counts:?}");
        Ok(())
    }

    /// Reads and checks all of them, and says how long that took.
    ///
    /// # Errors
    /// When the collector fails, or has not seen every message in time.
    pub fn collect(&self, topic: &Topic, live: &Live) -> anyhow::Result<Duration> {
        let phases = Phases::new(Duration::ZERO, self.workload.load(), &ShapeSpec::Constant, &[]);
        let plan = CollectorPlan {
            bootstrap: topic.bootstrap.clone(),
            topic: topic.name.clone(),
            partitions: PARTITIONS,
            trial: TRIAL,
            guarantee: Guarantee::AtLeastOnce,
            keys: KEYS as usize,
            arrival: self.workload.arrival().clone(),
            symbols: KEYS,
            strays: None,
            anchor: self.anchor,
            phases: Arc::new(phases),
            bug: None,
        };
        let (start, messages) = (now(), self.messages());
        let seen = || live.observed.load(Ordering::Relaxed);
        thread::scope(|scope| {
            let collector = scope.spawn(|| collect(&plan, &self.ledger, live));
            while seen() < messages && !collector.is_finished() && start.elapsed() < LIMIT {
                thread::sleep(LOOK_EVERY);
            }
            let took = start.elapsed();
            // It has read as far as it was to.
            live.ends.get_or_init(Vec::new);
            collector.join().map_err(|_| anyhow!("the collector panicked"))??;
            ensure!(seen() == messages, "{} of {messages} messages were read", seen());
            Ok(took)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_messages_of_an_unthrottled_load_are_due_at_once() {
        let load = Load::unthrottled(5_000).unwrap();
        assert_eq!(load.messages(), 5_000);
        assert_eq!(load.workload.arrival().intended_ns(4_999), 4_999_000);
    }

    #[test]
    fn payloads_have_their_length_and_no_line_ends() {
        for payload in Load::unthrottled(20).unwrap().payloads() {
            assert_eq!(payload.len(), 1_024);
            assert!(!payload.contains(&b'\n'));
        }
    }
}
