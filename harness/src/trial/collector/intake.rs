//! One result, from the moment it was read: its response time, and what the oracle makes of it.

use super::{CollectorPlan, CollectorReport, Interval, Live};
use crate::oracle::{Ledger, Oracle, OraclePlan};
use crate::trial::phases;
use results::Latencies;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;
use workloads::Stamp;

/// A record of the result topic as it was read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Read {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    /// Absent when the record has none that can be read.
    pub(crate) stamp: Option<Stamp>,
    /// When it was read, microseconds since the Unix epoch.
    pub(crate) at_us: i64,
}

impl CollectorReport {
    /// A report of nothing yet.
    pub(crate) fn new(plan: &CollectorPlan) -> Self {
        let oracle = Oracle::new(&OraclePlan {
            trial: plan.trial,
            keys: plan.keys,
            symbols: plan.symbols,
            partitions: plan.partitions,
            guarantee: plan.guarantee,
            arrival: plan.arrival.clone(),
            origin_us: plan.anchor.unix_us(),
        });
        let (phases, schema_versions) = (BTreeMap::new(), BTreeMap::new());
        Self { oracle, phases, schema_versions, unreadable: 0 }
    }

    /// Response times of every phase, the warm-up included.
    pub(crate) fn recorded(&self) -> Latencies {
        let mut recorded = Latencies::new();
        self.phases.values().for_each(|phase| recorded.merge(phase));
        recorded
    }
}

/// Takes one result in; `interval` holds the response times since the last row of the series.
pub(crate) fn take(
    plan: &CollectorPlan,
    ledger: &Ledger,
    live: &Live,
    report: &mut CollectorReport,
    interval: &mut Interval,
    read: &Read,
) {
    if plan.bug.is_some_and(|bug| bug.skips(read.offset)) {
        return;
    }
    report.oracle.read(read.partition, read.offset);
    if !is_stray(plan, read)
        && report.oracle.observe(ledger, read.stamp.as_ref())
        && let Some(stamp) = read.stamp
    {
        let response_us = read.at_us - i64::try_from(stamp.intended_us).unwrap_or(i64::MAX);
        report.oracle.responded(response_us);
        if !plan.bug.is_some_and(|bug| bug.drops(response_us)) {
            let after_start = stamp.intended_us.saturating_sub(plan.anchor.unix_us());
            let phase = plan.phases.at(Duration::from_micros(after_start));
            report.phases.entry(phase).or_default().record_us(response_us);
            match phase {
                phases::WARM_UP => interval.warm_up.record_us(response_us),
                _ => interval.measured.record_us(response_us),
            }
        }
        *report.schema_versions.entry(stamp.schema_version).or_default() += 1;
        live.observed.fetch_add(1, Ordering::Relaxed);
    }
    let position = usize::try_from(read.partition).ok().and_then(|p| live.positions.get(p));
    if let Some(position) = position {
        position.store(read.offset + 1, Ordering::Relaxed);
    }
}

/// Whether it is the result of a message beside the load, which then has its own account.
fn is_stray(plan: &CollectorPlan, read: &Read) -> bool {
    match (&plan.strays, &read.stamp) {
        (Some(strays), Some(stamp)) => strays.processed(stamp),
        _ => false,
    }
}
