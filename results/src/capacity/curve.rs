//! What a capacity run found.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::document::{self, Document, DocumentError};
use crate::record::{Machine, Program, ScenarioIdentity};
use crate::statistics::student::mean_interval;

/// The version of the capacity result that this crate writes, and the only one that it reads.
pub const CAPACITY_SCHEMA: &str = "stormgauge.dev/capacity/v1";
const CAPACITY_BYTES_MAX: u64 = 4 * 1024 * 1024;
const CONFIDENCE: f64 = 0.95;

/// Everything that a capacity run found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapacityResult {
    /// The version of this format, [`CAPACITY_SCHEMA`].
    pub schema: String,
    /// The scenario, with its full text.
    pub scenario: ScenarioIdentity,
    /// The environment's name.
    pub environment: String,
    /// The program that ran it.
    pub program: Program,
    /// The machine that it ran on.
    pub machine: Machine,
    /// The strategy whose settings the fixed allocations use.
    pub strategy: String,
    /// The seed of the first probe.
    pub seed: u64,
    /// Asked width of the bracket around a capacity, as a share.
    pub resolution: f64,
    /// Capacities of fixed allocations.
    pub allocations: Vec<AllocationCapacity>,
    /// What each strategy gives to each demand.
    pub demands: Vec<DemandPoint>,
}

/// The capacity of a fixed number of workers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllocationCapacity {
    /// Workers.
    pub workers: u32,
    /// The highest rate that was sustained, in messages a second.
    pub sustained_per_s: Option<f64>,
    /// The lowest rate that was not sustained, in messages a second.
    pub refused_per_s: Option<f64>,
    /// How well the two are known.
    pub resolved: Resolved,
    /// Trials that it took.
    pub probes: u32,
    /// Why the lowest refused rate was refused, or why the search ended without an answer.
    pub reason: String,
}

/// How well a capacity is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolved {
    /// Both ends of the bracket held twice, within the resolution.
    Confirmed,
    /// The probes ran out, or the run was stopped, before the ends were confirmed.
    Open,
    /// The harness reached its own limit before the system did.
    Invalid,
}

/// What one strategy gave to one demand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemandPoint {
    /// The strategy.
    pub strategy: String,
    /// Messages offered, per second.
    pub demand_per_s: f64,
    /// Repetitions in which the demand was not sustained.
    pub refused: u32,
    /// Repetitions that say nothing, since the harness was at its limit.
    pub invalid: u32,
    /// Repetitions that were not played, or not to their end, since the run was stopped.
    #[serde(default)]
    pub not_played: u32,
    /// Workers ready in the mean over the settled seconds, of each repetition in which the demand
    /// was sustained.
    pub workers: Vec<f64>,
    /// Response p99 of the median settled second of the same repetitions, in milliseconds.
    pub p99_ms: Vec<f64>,
}

/// The mean of the workers over the repetitions that sustained the demand, with its 95 % interval
/// (Student's t, so normal repetitions are assumed); the interval is absent for one repetition.
pub fn resources(point: &DemandPoint) -> Option<(f64, Option<(f64, f64)>)> {
    let n = point.workers.len();
    let mean = point.workers.iter().sum::<f64>() / n as f64;
    (n > 0).then(|| (mean, mean_interval(&point.workers, CONFIDENCE)))
}

impl AllocationCapacity {
    /// The highest sustained rate of one worker, in messages a second.
    pub fn per_worker(&self) -> Option<f64> {
        self.sustained_per_s.map(|rate| rate / f64::from(self.workers.max(1)))
    }
}

impl CapacityResult {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// Names the file and the reason, the schema found and expected, or the field whose value no
    /// measurement can give.
    pub fn read(path: &Path) -> Result<CapacityResult, DocumentError> {
        document::read(path)
    }

    /// Checks the result, then writes it to `path` whole or not at all.
    ///
    /// # Errors
    /// Names the file, and the field when a number is not one that a measurement can give.
    pub fn write(&self, path: &Path) -> Result<(), DocumentError> {
        document::write(self, path)
    }
}

impl Document for CapacityResult {
    const KIND: &'static str = "capacity result";
    const SHORT: &'static str = "result";
    const SCHEMA: &'static str = CAPACITY_SCHEMA;
    const BYTES_MAX: u64 = CAPACITY_BYTES_MAX;

    fn schema(&self) -> &str {
        &self.schema
    }

    fn problem(&self) -> Result<(), (String, String)> {
        let positive = |field: String, value: f64| {
            let good = value.is_finite() && value >= 0.0;
            let problem = format!("is {value}, but must be a number of at least 0");
            good.then_some(()).ok_or((field, problem))
        };
        positive("resolution".to_owned(), self.resolution)?;
        for (index, allocation) in self.allocations.iter().enumerate() {
            let rates = [allocation.sustained_per_s, allocation.refused_per_s];
            for rate in rates.into_iter().flatten() {
                positive(format!("allocations[{index}]"), rate)?;
            }
        }
        for (index, point) in self.demands.iter().enumerate() {
            positive(format!("demands[{index}].demand_per_s"), point.demand_per_s)?;
            let values = point.workers.iter().chain(&point.p99_ms);
            for value in values {
                positive(format!("demands[{index}]"), *value)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(workers: Vec<f64>) -> DemandPoint {
        DemandPoint {
            strategy: "A".to_owned(),
            demand_per_s: 100.0,
            refused: 0,
            invalid: 0,
            not_played: 0,
            workers,
            p99_ms: Vec::new(),
        }
    }

    #[test]
    fn resources_have_an_interval_from_two_repetitions_on() {
        assert_eq!(resources(&point(vec![])), None);
        assert_eq!(resources(&point(vec![2.0])), Some((2.0, None)));
        // Mean 3, standard error 1/√3·1 = 0.57735, t(0.975; 2) = 4.30265.
        let (mean, interval) = resources(&point(vec![2.0, 3.0, 4.0])).unwrap();
        let (low, high) = interval.unwrap();
        assert!((mean - 3.0).abs() < 1e-12);
        assert!((high - 3.0 - 4.30265 * 0.57735).abs() < 1e-4 && (low + high - 6.0).abs() < 1e-9);
    }
}
