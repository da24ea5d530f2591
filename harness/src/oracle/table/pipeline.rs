//! The pipeline in memory: driver → source log → worker → result log → collector → verdict.

use crate::clock::Anchor;
use crate::oracle::{Ledger, SourceLog};
use crate::scenario::planted::HarnessBug;
use crate::trial::Phases;
use crate::trial::collector::{CollectorPlan, CollectorReport, Interval, Live, Read, take};
use crate::trial::driver::stamp;
use results::{
    Delivery, Evidence, Guarantee, HarnessChecks, Health, HealthLimits, Indicators, Latencies,
    Objectives, Steadiness, Verdict,
};
use std::sync::Arc;
use std::time::Duration;
use workloads::spec::ShapeSpec;
use workloads::{Event, Generator, Stamp, Workload, WorkloadSpec};

/// Messages of the load: ten seconds of 200 a second.
pub(super) const MESSAGES: u64 = 2_000;
/// Messages of the last second of the load.
pub(super) const LAST_SECOND: u64 = 200;
pub(super) const TRIAL: u32 = 7;
const PARTITIONS: usize = 4;
/// Records of a partition that one poll brings.
const POLL: usize = 25;
/// Sent, never acknowledged, and yet processed.
const UNKNOWN_PROCESSED: u64 = 700;
/// Sent, never acknowledged, and in no log.
const UNKNOWN_GONE: u64 = 701;
/// Refused by the brokers.
pub(super) const REFUSED: u64 = 702;

/// What a record of the result topic holds; nothing where its stamp cannot be read.
pub(super) type Content = Option<Stamp>;
/// A record of the result topic.
pub(super) type Record = (i64, Content);

/// A bug, at one place of the pipeline.
pub(super) enum Planted {
    Nothing,
    /// In the harness, as a scenario plants it.
    Harness(HarnessBug),
    /// Brokers: what becomes of the source log.
    Source(fn(Vec<Stamp>) -> Vec<Stamp>),
    /// Worker: the results that it writes for the source log.
    Worker(fn(Vec<Stamp>) -> Vec<Content>),
    /// Brokers: what becomes of a partition of the result log.
    Results(fn(usize, Vec<Record>) -> Vec<Record>),
    /// Collector: the polls of a partition, in the order in which it takes them.
    Polls(fn(usize, Vec<Vec<Record>>) -> Vec<Vec<Record>>),
}

/// What the checkers found.
pub(super) struct Findings {
    pub(super) delivery: Delivery,
    pub(super) checks: HarnessChecks,
}

impl Findings {
    /// The verdict over a trial in which all else was well.
    pub(super) fn verdict(&self) -> Verdict {
        let health = Health { checks: self.checks, ..Health::default() };
        let evidence = Evidence {
            faults: &[],
            delivery: &self.delivery,
            indicators: &Indicators::default(),
            health: &health,
            steadiness: &Steadiness::measure(&[], 0.0, 0.0, &Latencies::new()),
        };
        results::judge(evidence, &Objectives::new(), &HealthLimits::default())
    }
}

/// Runs the load through the pipeline.
pub(super) fn run(planted: &Planted, guarantee: Guarantee) -> Findings {
    let workload = workload();
    let plan = plan(planted, guarantee, &workload);
    let ledger = Ledger::new(workload.total());
    let sent = send(&plan, &workload, &ledger);
    let source = match planted {
        Planted::Source(lose) => lose(sent),
        _ => sent,
    };
    let log = SourceLog::new(ledger.planned());
    source.iter().for_each(|stamp| log.note(stamp.position));
    let written = match planted {
        Planted::Worker(work) => work(source),
        _ => source.into_iter().map(Some).collect(),
    };
    let mut report = CollectorReport::new(&plan);
    let mut interval = Interval::default();
    let live = Live::new(plan.partitions);
    let logs = logs(planted, guarantee, &written);
    for (partition, (offset, stamp)) in polls(planted, &logs) {
        let at_us = plan.anchor.unix_us() as i64 + stamp.map_or(0, |stamp| seen_after_us(&stamp));
        let read = Read { partition: partition as i32, offset, stamp, at_us };
        take(&plan, &ledger, &live, &mut report, &mut interval, &read);
    }
    let ends = logs.iter().map(|log| log.last().map_or(0, |(offset, _)| offset + 1));
    report.oracle.ended(&ends.collect::<Vec<i64>>());
    let oracle = &report.oracle;
    let delivery = oracle.verify(&ledger, Some(&log), |position| format!("message {position}"));
    let checks = oracle.check_harness(&ledger, &[&report.recorded(), &interval.all()]);
    Findings { delivery, checks }
}

fn workload() -> Workload {
    let spec: WorkloadSpec = serde_json::from_value(serde_json::json!({
        "events": { "market_data":
            { "symbols": 20, "correlation": 0.6, "volatility": 0.2, "skew": 1.0 } },
        "arrival": { "rate_per_s": 200.0, "shape": "constant" },
    }))
    .unwrap();
    spec.validate(Duration::from_secs(10)).unwrap()
}

fn plan(planted: &Planted, guarantee: Guarantee, workload: &Workload) -> CollectorPlan {
    CollectorPlan {
        bootstrap: String::new(),
        topic: String::new(),
        partitions: PARTITIONS as i32,
        trial: TRIAL,
        guarantee,
        keys: workload.symbols() as usize,
        strays: None,
        symbols: workload.symbols(),
        arrival: workload.arrival().clone(),
        anchor: Anchor::now(),
        phases: Arc::new(Phases::new(
            Duration::from_secs(2),
            Duration::from_secs(10),
            &ShapeSpec::Constant,
            &[],
        )),
        bug: match planted {
            Planted::Harness(bug) => Some(*bug),
            _ => None,
        },
    }
}

/// The driver: every message at its time, and what the brokers answer. Gives the source log.
fn send(plan: &CollectorPlan, workload: &Workload, ledger: &Ledger) -> Vec<Stamp> {
    let mut generator = Generator::new(workload, 1).with_origin_us(plan.anchor.unix_us());
    let mut event = Event::default();
    let mut log = Vec::new();
    for position in 0..workload.total() {
        generator.event(position, &mut event);
        let sent_us = event.intended_us as i64 + stalled_us(position) + 80;
        ledger.sending(position);
        match position {
            REFUSED => ledger.failed(position),
            UNKNOWN_PROCESSED | UNKNOWN_GONE => {}
            _ => ledger.acknowledged(position),
        }
        if ![UNKNOWN_GONE, REFUSED].contains(&position) {
            log.push(stamp(plan.bug, &event, plan.trial, || sent_us));
        }
    }
    log
}

/// The brokers stall for a second from message 1,000 on, and the driver with them.
fn stalled_us(position: u64) -> i64 {
    let due_us = (position as i64 - 1_000) * 5_000;
    if (0..1_000_000).contains(&due_us) { 1_000_000 - due_us } else { 0 }
}

/// When a result is seen, microseconds from the start of the load, whatever its stamp says.
fn seen_after_us(stamp: &Stamp) -> i64 {
    let position = stamp.position.min(MESSAGES);
    position as i64 * 5_000 + stalled_us(position) + 4_000 + (position % 7) as i64 * 900
}

/// The result log of each partition.
fn logs(planted: &Planted, guarantee: Guarantee, written: &[Content]) -> Vec<Vec<Record>> {
    let log = |partition| {
        let own =
            |content: &&Content| content.map_or(0, |s| s.key) as usize % PARTITIONS == partition;
        let contents = written.iter().filter(own).copied();
        let mut log: Vec<Record> = (0..).zip(contents).collect();
        if guarantee == Guarantee::ExactlyOnce {
            // A marker after every tenth record.
            log.iter_mut().for_each(|(offset, _)| *offset += *offset / 10);
        }
        match planted {
            Planted::Results(change) => change(partition, log),
            _ => log,
        }
    };
    (0..PARTITIONS).map(log).collect()
}

/// Every read of the collector in order. Partitions take turns, so that keys overtake each other.
fn polls(planted: &Planted, logs: &[Vec<Record>]) -> Vec<(usize, Record)> {
    let mut polls: Vec<(usize, usize, Vec<Record>)> = Vec::new();
    for (partition, log) in logs.iter().enumerate() {
        let mut taken: Vec<Vec<Record>> = log.chunks(POLL).map(<[Record]>::to_vec).collect();
        if let Planted::Polls(change) = planted {
            taken = change(partition, taken);
        }
        polls.extend(taken.into_iter().enumerate().map(|(turn, poll)| (turn, partition, poll)));
    }
    polls.sort_by_key(|(turn, partition, _)| (*turn, PARTITIONS - partition));
    let reads = |(_, partition, poll): (_, usize, Vec<Record>)| {
        poll.into_iter().map(move |record| (partition, record))
    };
    polls.into_iter().flat_map(reads).collect()
}
