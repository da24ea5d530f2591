//! Histograms, run records, gates and reports.
//!
//! A map, from what is measured to what is said about it:
//!
//! - [`latencies`]: a bounded log-linear recorder, and its form in files;
//! - [`series`]: one row a second of rates, latencies, lag and replicas;
//! - [`record`]: everything a trial found, as one self-describing JSON file;
//! - [`recovery`]: what a fault did to users, and how the system came back;
//! - [`detection`]: which faults the operator showed, how fast, and its false alarms;
//! - [`elasticity`]: how well the workers matched the load;
//! - [`steadiness`]: whether there was a baseline, and how well its p99 is known;
//! - [`statistics`]: medians, and quantile intervals free of distribution;
//! - [`objectives`]: which indicator must keep which bound;
//! - [`verdict`]: pass, fail, inconclusive or invalid, each with its reasons;
//! - [`comparison`]: trials side by side, a row for each strategy;
//! - [`ranking`]: any runs side by side, ranked, and noise called noise;
//! - [`baseline`] and [`mod@gate`]: did it get worse, and is it good enough;
//! - [`capacity`]: the highest rate that an allocation sustains, and workers against demand;
//! - [`calibration`]: what the gate is worth on one machine;
//! - [`mod@history`]: what earlier runs measured, in a file that grows;
//! - [`report`]: the same findings for people, spreadsheets and other programs, one writer a file;
//! - [`mod@file`]: bounded reading and atomic writing.
//!
//! Nothing here reads a clock, draws a random number or talks to a network.

pub mod baseline;
pub mod calibration;
pub mod capacity;
pub mod comparison;
pub mod detection;
pub mod document;
pub mod elasticity;
pub mod file;
pub mod gate;
pub mod history;
pub mod latencies;
pub mod objectives;
pub mod ranking;
pub mod record;
pub mod recovery;
pub mod report;
#[cfg(test)]
mod sample;
pub mod series;
pub mod statistics;
pub mod steadiness;
pub mod verdict;

pub use baseline::Baseline;
pub use calibration::Calibration;
pub use comparison::Comparison;
pub use document::DocumentError;
pub use elasticity::{Demand, Elasticity};
pub use gate::{GateLine, GateResult, gate};
pub use latencies::{HistogramRecord, Latencies};
pub use objectives::{Bound, IndicatorName, Objectives};
pub use ranking::Ranking;
pub use record::{
    Decision, Delivery, Environment, FaultSpan, FaultState, Guarantee, HarnessChecks, Health,
    Indicators, Machine, Program, RunRecord, ScenarioIdentity, SourceAudit, Span, WorkloadIdentity,
};
pub use recovery::Recovery;
pub use series::{SeriesBuilder, SeriesRow};
pub use steadiness::{Steadiness, SteadyState};
pub use verdict::{Evidence, HealthLimits, Verdict, VerdictKind, judge};
