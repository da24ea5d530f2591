//! The open-loop driver: sends each message at its intended time, whatever happens downstream.

mod flood;
mod outcomes;
mod published;

pub use published::Published;

use crate::clock::Anchor;
use crate::oracle::Ledger;
use crate::scenario::planted::HarnessBug;
use crate::upstream::tampering::Tampering;
use flood::Flood;
use outcomes::{Note, Outcomes, Spread};
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use results::Latencies;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
#[cfg(target_os = "linux")]
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};
use workloads::{Event, Generator, Stamp, Workload};

/// Longest sleep between two looks at the schedule: bounds the dispatch error.
const NAP_MAX: Duration = Duration::from_micros(500);
/// How often delivery reports are taken in while messages are due back to back.
const POLL_EVERY: u64 = 64;
/// Time after the end of the schedule during which messages that could not be sent still are.
const CATCH_UP_MAX: Duration = Duration::from_secs(5);
/// Largest batch, which only a driver that is held up fills. Its client asks for each partition by
/// itself and a broker answers the requests of a connection one by one: few large ones are over sooner.
pub const BATCH_BYTES: &str = "1000000";
/// Messages and kilobytes that wait in the client at most: the driver's memory bound.
const QUEUE_MESSAGES_MAX: &str = "500000";
const QUEUE_KBYTES_MAX: &str = "262144";

type Client = BaseProducer<Outcomes, Spread>;

/// What a driver needs.
#[derive(Debug)]
pub struct DriverPlan {
    /// Bootstrap servers.
    pub bootstrap: String,
    /// Source topic.
    pub topic: String,
    /// The workload and its seed.
    pub workload: Workload,
    /// Seed of the trial.
    pub seed: u64,
    /// Tag of the trial in stamps.
    pub trial: u32,
    /// When the load starts.
    pub anchor: Anchor,
    /// Further client settings, which take precedence: acknowledgements among them.
    pub client: Vec<(String, String)>,
    /// Whether the number of partitions changes.
    pub grows: bool,
    /// What faults make of the load.
    pub tampering: Arc<Tampering>,
    /// Where times to acknowledgements go, if anybody asks for them.
    pub published: Option<Arc<Published>>,
    /// A mistake to make, if any.
    pub bug: Option<HarnessBug>,
}

/// What the driver saw of itself.
#[derive(Debug)]
pub struct DriverReport {
    /// Actual minus intended send time, microseconds.
    pub dispatch_error: Latencies,
    /// Messages of the schedule that were never sent.
    pub missed: u64,
}

/// Sends the whole schedule; returns when every outcome is known or given up, or on `stop`.
///
/// # Errors
/// When the client cannot be made; failures of single messages go to the ledger.
pub fn drive(
    plan: &DriverPlan,
    ledger: &Arc<Ledger>,
    stop: &AtomicBool,
) -> Result<DriverReport, KafkaError> {
    let producer = connect(plan, ledger)?;
    go_first();
    let mut flood = Flood::default();
    let mut generator =
        Generator::new(&plan.workload, plan.seed).with_origin_us(plan.anchor.unix_us());
    let mut report = DriverReport { dispatch_error: Latencies::new(), missed: 0 };
    let mut message = Scratch::default();
    let planned = ledger.planned();
    let mut position = 0;
    while position < planned && !stop.load(Ordering::Relaxed) {
        message.prepare(&mut generator, position);
        let late_ns = wait_until(plan, &producer, message.event.intended_ns, stop);
        if late_ns > CATCH_UP_MAX.as_nanos() as i64 && past_end(plan) {
            break;
        }
        flood.wait(plan, &producer, position, stop);
        let now_us = || plan.anchor.now_us();
        let made = plan.tampering.make(&mut message.event);
        message.write(&generator);
        message.stamp = stamp(plan.bug, &message.event, plan.trial, now_us).encode();
        ledger.sending(position);
        if made.twice {
            ledger.repeating(position);
        }
        if !send(plan, &producer, &message, Note::of(position, made), stop) {
            ledger.failed(position);
        }
        if made.twice {
            send(plan, &producer, &message, Note::COPY, stop);
        }
        if !flood.withheld(plan, &message.event) {
            report.dispatch_error.record_us(late_ns / 1000);
        }
        position += 1;
        if position.is_multiple_of(POLL_EVERY) {
            producer.poll(Duration::ZERO);
        }
    }
    flood.end(plan);
    report.missed = planned - position;
    settle(&producer, stop);
    Ok(report)
}

/// Lets this thread run before all else that wants the processors, where that is allowed (to root):
/// what is tested must not hold up what tests it. Niceness would not do: it counts only within a
/// session, and brokers in containers have their own. The client's threads stay where they are: they
/// spin while a broker is slow to answer, and would keep the brokers of this process from answering.
fn go_first() {
    // Elsewhere priorities are those of whole processes.
    #[cfg(target_os = "linux")]
    let _refused = set_thread_priority_and_policy(
        thread_native_id(),
        ThreadPriority::Min,
        ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::RoundRobin),
    );
}

/// The stamp of a message that is sent now: it bears the time at which the schedule said to.
pub(crate) fn stamp(
    bug: Option<HarnessBug>,
    event: &Event,
    trial: u32,
    now_us: impl FnOnce() -> i64,
) -> Stamp {
    let stamp = event.stamp(trial);
    match bug {
        Some(HarnessBug::StampAtSend) => {
            Stamp { intended_us: u64::try_from(now_us()).unwrap_or(0), ..stamp }
        }
        _ => stamp,
    }
}

/// Waits until a message is due and returns by how much it is late, in nanoseconds.
fn wait_until(plan: &DriverPlan, producer: &Client, due_ns: u64, stop: &AtomicBool) -> i64 {
    let due_ns = i64::try_from(due_ns).unwrap_or(i64::MAX);
    loop {
        let late_ns = plan.anchor.elapsed_ns() - due_ns;
        if late_ns >= 0 || stop.load(Ordering::Relaxed) {
            return late_ns.max(0);
        }
        producer.poll(Duration::ZERO);
        let left = Duration::from_nanos(late_ns.unsigned_abs());
        std::thread::sleep(left.min(NAP_MAX));
    }
}

fn past_end(plan: &DriverPlan) -> bool {
    plan.anchor.elapsed() > plan.workload.load() + CATCH_UP_MAX
}

/// Hands a message to the client, waiting while its queue is full; false when it was refused.
fn send(
    plan: &DriverPlan,
    producer: &Client,
    message: &Scratch,
    note: Note,
    stop: &AtomicBool,
) -> bool {
    let headers = OwnedHeaders::new_with_capacity(1)
        .insert(Header { key: Stamp::HEADER, value: Some(&message.stamp[..]) });
    let mut record = BaseRecord::with_opaque_to(&plan.topic, note.0)
        .key(message.event.key_bytes())
        .payload(&message.payload[..])
        .headers(headers);
    loop {
        match producer.send(record) {
            Ok(()) => return true,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                if !stop.load(Ordering::Relaxed) =>
            {
                record = back;
                producer.poll(Duration::ZERO);
                // Within its last millisecond a poll spins, and what spins here lets no broker run.
                std::thread::sleep(NAP_MAX);
            }
            Err(_) => return false,
        }
    }
}

/// Waits for outstanding outcomes; what is still open after that stays unknown.
fn settle(producer: &Client, stop: &AtomicBool) {
    let limit = if stop.load(Ordering::Relaxed) { 1 } else { 15 };
    if producer.flush(Duration::from_secs(limit)).is_err() {
        tracing::warn!(open = producer.in_flight_count(), "sends without a known outcome");
    }
}

fn connect(plan: &DriverPlan, ledger: &Arc<Ledger>) -> Result<Client, KafkaError> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &plan.bootstrap)
        .set("client.id", crate::environment::DRIVER_CLIENT)
        .set("batch.size", BATCH_BYTES)
        .set("message.timeout.ms", "30000")
        .set("socket.nagle.disable", "true")
        .set("reconnect.backoff.ms", "20")
        .set("reconnect.backoff.max.ms", "200")
        .set("retry.backoff.ms", "20")
        .set("retry.backoff.max.ms", "200")
        .set("topic.metadata.refresh.fast.interval.ms", "50")
        // How soon new partitions are found.
        .set("topic.metadata.refresh.interval.ms", "1000")
        .set("queue.buffering.max.messages", QUEUE_MESSAGES_MAX)
        .set("queue.buffering.max.kbytes", QUEUE_KBYTES_MAX);
    plan.client.iter().for_each(|(key, value)| {
        config.set(key, value);
    });
    config.create_with_context(Outcomes {
        ledger: Arc::clone(ledger),
        tampering: Arc::clone(&plan.tampering),
        published: plan.published.clone(),
        spread: plan.grows.then(|| Spread { ledger: Arc::clone(ledger) }),
    })
}

/// Buffers that are used for each message anew.
#[derive(Default)]
struct Scratch {
    event: Event,
    payload: Vec<u8>,
    stamp: [u8; Stamp::BYTES],
}

impl Scratch {
    fn prepare(&mut self, generator: &mut Generator, position: u64) {
        generator.event(position, &mut self.event);
    }

    fn write(&mut self, generator: &Generator) {
        generator.serialize(&self.event, self.event.schema_version, &mut self.payload);
    }
}
