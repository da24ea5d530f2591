//! A baseline: what a scenario's strategies measured when they were last known to be good.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::document::{self, Document, DocumentError};
use crate::objectives::IndicatorName;
use crate::record::{Machine, Program, RunRecord};
use crate::verdict::VerdictKind;

/// The version of the baseline that this crate writes, and the only one that it reads.
pub const BASELINE_SCHEMA: &str = "stormgauge.dev/baseline/v1";
/// The largest baseline file that is read, in bytes.
pub const BASELINE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// What a scenario's strategies measured, by indicator and repetition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// The version of this format, [`BASELINE_SCHEMA`].
    pub schema: String,
    /// The scenario's name.
    pub scenario: String,
    /// The scenario's digest: only runs of the same digest are compared.
    pub digest: String,
    /// The environment that the trials ran in.
    pub environment: String,
    /// The machine that they ran on.
    pub machine: Machine,
    /// The program that ran them.
    pub program: Program,
    /// Strategy → indicator → one value a repetition, in the indicator's unit; `null` where it
    /// was not measured, or the trial never recovered.
    pub strategies: BTreeMap<String, BTreeMap<IndicatorName, Vec<Option<f64>>>>,
}

/// Why a baseline cannot be made, read, written or compared with.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// The file could not be read or written, or is no baseline of this version.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// There are no records.
    #[error("no run records to make a baseline of")]
    Empty,
    /// The records are of several scenarios.
    #[error("records of scenarios {first} and {second}: a baseline holds one scenario")]
    Scenarios {
        /// The first record's scenario.
        first: String,
        /// Another's.
        second: String,
    },
    /// A trial says nothing.
    #[error("trial {trial} is {verdict}: a baseline holds valid trials only; {reasons}")]
    Invalid {
        /// The trial.
        trial: String,
        /// Its verdict.
        verdict: &'static str,
        /// Why.
        reasons: String,
    },
    /// The baseline is of another scenario.
    #[error(
        "the baseline is of scenario {baseline} ({baseline_digest}), but the records are of \
         {records} ({records_digest}): they cannot be compared; write a new baseline"
    )]
    OtherScenario {
        /// The baseline's scenario.
        baseline: String,
        /// Its digest.
        baseline_digest: String,
        /// The records' scenario.
        records: String,
        /// Its digest.
        records_digest: String,
    },
    /// One side lacks a strategy of the other.
    #[error("strategy {strategy} is missing in the {missing_in}, which has: {present}")]
    MissingStrategy {
        /// The strategy.
        strategy: String,
        /// `baseline` or `records`.
        missing_in: &'static str,
        /// The strategies that are there.
        present: String,
    },
}

impl Document for Baseline {
    const KIND: &'static str = "baseline";
    const SHORT: &'static str = "baseline";
    const SCHEMA: &'static str = BASELINE_SCHEMA;
    const BYTES_MAX: u64 = BASELINE_BYTES_MAX;

    fn schema(&self) -> &str {
        &self.schema
    }

    fn problem(&self) -> Result<(), (String, String)> {
        self.check()
    }
}

impl Baseline {
    /// Makes a baseline of the valid trials of one scenario.
    ///
    /// # Errors
    /// When there are no records, they are of several scenarios, or one is invalid.
    pub fn from_records(records: &[RunRecord]) -> Result<Baseline, BaselineError> {
        let first = records.first().ok_or(BaselineError::Empty)?;
        let mut strategies: BTreeMap<String, BTreeMap<IndicatorName, Vec<Option<f64>>>> =
            BTreeMap::new();
        for record in sorted(records) {
            if record.scenario.digest != first.scenario.digest {
                return Err(BaselineError::Scenarios {
                    first: first.scenario.name.clone(),
                    second: record.scenario.name.clone(),
                });
            }
            if matches!(record.verdict.kind, VerdictKind::Invalid | VerdictKind::Inconclusive) {
                return Err(BaselineError::Invalid {
                    trial: record.trial.clone(),
                    verdict: record.verdict.kind.word(),
                    reasons: record.verdict.reasons.join(" "),
                });
            }
            let values = strategies.entry(record.strategy.clone()).or_default();
            for indicator in IndicatorName::ALL {
                let value = indicator.value(&record.indicators);
                values.entry(indicator).or_default().push(value);
            }
        }
        Ok(Baseline {
            schema: BASELINE_SCHEMA.to_owned(),
            scenario: first.scenario.name.clone(),
            digest: first.scenario.digest.clone(),
            environment: first.environment.name.clone(),
            machine: first.machine.clone(),
            program: first.program.clone(),
            strategies,
        })
    }

    /// Reads and checks the baseline file at `path`.
    ///
    /// # Errors
    /// Names the file, and the field or the schema that is wrong.
    pub fn read(path: &Path) -> Result<Baseline, BaselineError> {
        Ok(document::read(path)?)
    }

    /// Parses and checks a baseline; `place` says in errors where it came from.
    ///
    /// # Errors
    /// As [`Baseline::read`].
    pub fn from_json(text: &str, place: &str) -> Result<Baseline, BaselineError> {
        Ok(document::from_json(text, place)?)
    }

    /// Writes the baseline to `path` whole or not at all.
    ///
    /// # Errors
    /// Names the file, and the field when a number is not one that a measurement can give.
    pub fn write(&self, path: &Path) -> Result<(), BaselineError> {
        Ok(document::write(self, path)?)
    }

    /// Checks that the baseline may be compared with `records` at all.
    ///
    /// # Errors
    /// When a record is of another scenario, or one side lacks a strategy of the other.
    pub fn check_against(&self, records: &[RunRecord]) -> Result<(), BaselineError> {
        for record in records {
            if record.scenario.digest != self.digest {
                return Err(BaselineError::OtherScenario {
                    baseline: self.scenario.clone(),
                    baseline_digest: self.digest.clone(),
                    records: record.scenario.name.clone(),
                    records_digest: record.scenario.digest.clone(),
                });
            }
        }
        let measured: BTreeSet<&str> = records.iter().map(|r| r.strategy.as_str()).collect();
        let known: BTreeSet<&str> = self.strategies.keys().map(String::as_str).collect();
        let missing = |strategy: &str, missing_in, present: &BTreeSet<&str>| {
            let present = present.iter().copied().collect::<Vec<_>>().join(", ");
            BaselineError::MissingStrategy { strategy: strategy.to_owned(), missing_in, present }
        };
        if let Some(strategy) = measured.difference(&known).next() {
            return Err(missing(strategy, "baseline", &known));
        }
        if let Some(strategy) = known.difference(&measured).next() {
            return Err(missing(strategy, "records", &measured));
        }
        Ok(())
    }

    /// What should be known when timings of `record` are compared with this baseline: another
    /// environment or machine. `None` when both are alike.
    pub fn difference(&self, record: &RunRecord) -> Option<String> {
        if self.environment != record.environment.name {
            return Some(format!(
                "the baseline was measured in the environment {}, this in {}",
                self.environment, record.environment.name
            ));
        }
        if self.program.profile != record.program.profile {
            return Some(format!(
                "the baseline was measured with a {} build, this with a {} build",
                self.program.profile, record.program.profile
            ));
        }
        (!self.machine.is_like(&record.machine)).then(|| {
            format!(
                "the baseline was measured on another machine, {}, this on {}",
                self.machine.summary(),
                record.machine.summary()
            )
        })
    }

    fn check(&self) -> Result<(), (String, String)> {
        if self.strategies.is_empty() {
            return Err(("strategies".to_owned(), "is empty".to_owned()));
        }
        for (strategy, indicators) in &self.strategies {
            let trials = indicators.values().map(Vec::len).max().unwrap_or(0);
            for indicator in IndicatorName::ALL {
                let field = format!("strategies.{strategy}.{indicator}");
                let values = indicators.get(&indicator).map_or(&[][..], Vec::as_slice);
                if values.is_empty() {
                    return Err((field, "has no repetitions".to_owned()));
                }
                if values.len() != trials {
                    let problem = format!("has {} values, others have {trials}", values.len());
                    return Err((field, problem));
                }
                if let Some(value) = values.iter().flatten().find(|v| !v.is_finite() || **v < 0.0) {
                    let problem = format!("is {value}, but must be finite and not negative");
                    return Err((field, problem));
                }
            }
        }
        Ok(())
    }
}

/// The records by strategy and repetition, so that equal runs give equal baselines.
fn sorted(records: &[RunRecord]) -> Vec<&RunRecord> {
    let mut sorted: Vec<&RunRecord> = records.iter().collect();
    sorted.sort_by_key(|record| (&record.strategy, record.repetition, &record.run));
    sorted
}

#[cfg(test)]
mod tests;
