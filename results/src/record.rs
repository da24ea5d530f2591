//! The run record: everything that one trial found, in one self-describing JSON file.
//!
//! Reading is suspicious. A record of another version, with an unknown field, with a number that
//! no measurement can give, or whose histogram disagrees with the numbers beside it is an error
//! that names the field, never a record that silently passes.

mod check;
mod delivery;
mod fault;
mod harness_checks;
mod identity;
mod indicators;
mod store;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::detection::Alarm;
use crate::latencies::HistogramRecord;
use crate::series::SeriesRow;
use crate::steadiness::Steadiness;
use crate::verdict::{Evidence, Verdict};

pub use delivery::{Delivery, Guarantee, LOST_EXAMPLES_MAX, SourceAudit};
pub use fault::{FaultSpan, FaultState};
pub use harness_checks::HarnessChecks;
pub use identity::{Environment, Machine, Program, ScenarioIdentity, WorkloadIdentity};
pub use indicators::{Health, IndicatorInputs, Indicators};

/// The version of the run record that this crate writes, and the only one that it reads.
pub const RECORD_SCHEMA: &str = "stormgauge.dev/run-record/v2";
/// The largest record file that is read, in bytes.
pub const RECORD_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What one trial found: one scenario, one strategy, one seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunRecord {
    /// The version of this format, [`RECORD_SCHEMA`].
    pub schema: String,
    /// The run that this trial is part of.
    pub run: String,
    /// The trial's name, unique in its run.
    pub trial: String,
    /// The scenario, with its full text.
    pub scenario: ScenarioIdentity,
    /// The allocation strategy.
    pub strategy: String,
    /// Which repetition of the scenario and strategy this is, from 1.
    pub repetition: u32,
    /// The seed of everything random in the trial.
    pub seed: u64,
    /// When the trial started, RFC 3339.
    pub started_at: String,
    /// The program that ran the trial.
    pub program: Program,
    /// The machine that it ran on.
    pub machine: Machine,
    /// The environment: what was emulated and what was real.
    pub environment: Environment,
    /// What was offered.
    pub workload: WorkloadIdentity,
    /// The trial's phases, in order.
    pub phases: Vec<Span>,
    /// The faults, by due time.
    pub faults: Vec<FaultSpan>,
    /// What the operator said was wrong, in order.
    #[serde(default)]
    pub alarms: Vec<Alarm>,
    /// One row a second.
    pub series: Vec<SeriesRow>,
    /// Response times of the whole trial: intended time → result observed.
    pub response: HistogramRecord,
    /// Response times by phase name.
    pub phase_response: BTreeMap<String, HistogramRecord>,
    /// Service times: work start → work end, every one to three digits. Absent where that is not
    /// known: a worker that counts in buckets which double, as the contract for workers asks,
    /// tells them to a factor of two, and what it counted last is gone when it is killed. The
    /// series then has their 99th percentile by interval.
    pub service: Option<HistogramRecord>,
    /// What became of every message.
    pub delivery: Delivery,
    /// The figures that objectives and reports speak of.
    pub indicators: Indicators,
    /// Whether there was a baseline, and how well its p99 is known.
    pub steadiness: Steadiness,
    /// The harness's own health.
    pub health: Health,
    /// What the strategy decided, in order.
    pub decisions: Vec<Decision>,
    /// Results observed, by payload schema version.
    pub schema_versions: BTreeMap<String, u64>,
    /// The verdict over this trial, as judged when it ended.
    pub verdict: Verdict,
    /// One command line that runs the trial again.
    pub replay: String,
}

/// A named stretch of the trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The phase's name.
    pub name: String,
    /// Its start, seconds from load start; set-up and warm-up begin before zero.
    pub start_s: f64,
    /// Its end, seconds from load start.
    pub end_s: f64,
}

/// One change of the allocation, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// When, seconds from load start; negative before it.
    pub t_s: f64,
    /// Replicas before.
    pub from: u32,
    /// Replicas after.
    pub to: u32,
    /// The strategy that decided.
    pub strategy: String,
    /// Its reason, one sentence.
    pub reason: String,
}

impl RunRecord {
    /// The parts that a verdict rests on.
    pub fn evidence(&self) -> Evidence<'_> {
        Evidence {
            faults: &self.faults,
            delivery: &self.delivery,
            indicators: &self.indicators,
            steadiness: &self.steadiness,
            health: &self.health,
        }
    }
}

#[cfg(test)]
mod tests;
