//! The history of a scenario: what each run measured, a line a strategy, in a file that grows.
//!
//! The file is JSON lines, and lines are only ever appended. Every line says its version. A line
//! that cannot be read is an error that names it; only a last line that was cut off is known to
//! happen (a full disk, a power cut), and it is reported and put aside, never silently dropped.

mod store;

use crate::report::format::counted;
use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::comparison::{Summary, groups};
use crate::file::FileError;
use crate::objectives::{IndicatorName, Objectives};
use crate::record::{Machine, Program, RunRecord};
use crate::verdict::{HealthLimits, VerdictKind, judge};

pub use store::{append, read};

/// The version of the lines that this crate writes, and the only one that it reads.
pub const HISTORY_SCHEMA: &str = "stormgauge.dev/history/v1";
/// The largest history that is read, in bytes.
pub const HISTORY_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// The longest line that is read or written, in bytes.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// What one run measured for one strategy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryEntry {
    /// The version of this line, [`HISTORY_SCHEMA`].
    pub schema: String,
    /// The run.
    pub run: String,
    /// When its first trial started, RFC 3339.
    pub started_at: String,
    /// The scenario's name.
    pub scenario: String,
    /// The scenario's digest: only runs of the same digest are compared.
    pub digest: String,
    /// The strategy.
    pub strategy: String,
    /// The environment that the trials ran in.
    pub environment: String,
    /// The machine that they ran on.
    pub machine: Machine,
    /// The program that ran them.
    pub program: Program,
    /// Valid trials that the figures are of.
    pub trials: u32,
    /// Indicator → its median over the valid trials, of messages that were counted the most of any
    /// trial, in its unit; `null` where it was not measured, or the system never recovered.
    pub indicators: BTreeMap<IndicatorName, Option<f64>>,
}

/// A history as read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Its entries, oldest first; one that was appended twice is there once.
    pub entries: Vec<HistoryEntry>,
    /// What must be said about the file, a sentence.
    pub warning: Option<String>,
}

/// Why a history cannot be read or written, or a run cannot be added to it.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A line is not one of a history.
    #[error("{place}:{line}: not a line of a history: {problem}")]
    Line {
        /// The file.
        place: String,
        /// The number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// The run holds what a history cannot take.
    #[error("{0}")]
    Run(String),
    /// The run tested nothing.
    #[error("{0}")]
    Invalid(String),
}

impl HistoryEntry {
    /// The entries of a run: one for each strategy, in order of name.
    ///
    /// # Errors
    /// When there are no records, they are of several scenarios, or a strategy has no valid trial:
    /// a run that tested nothing must not become a point.
    pub fn of_run(records: &[RunRecord]) -> Result<Vec<HistoryEntry>, HistoryError> {
        let first = records.first().ok_or_else(|| HistoryError::Run("no run records".into()))?;
        if let Some(other) = records.iter().find(|r| r.scenario.digest != first.scenario.digest) {
            let (one, two) = (&first.scenario.name, &other.scenario.name);
            let problem = format!("records of scenarios {one} and {two}: add one at a time");
            return Err(HistoryError::Run(problem));
        }
        groups(records).iter().map(|trials| HistoryEntry::of_trials(trials)).collect()
    }

    fn of_trials(trials: &[&RunRecord]) -> Result<HistoryEntry, HistoryError> {
        let is_valid = |record: &&&RunRecord| {
            let ours = judge(record.evidence(), &Objectives::new(), &HealthLimits::default());
            ours.kind != VerdictKind::Invalid
        };
        let valid: Vec<&RunRecord> = trials.iter().filter(is_valid).copied().collect();
        let Some(first) = valid.first() else {
            let strategy = &trials[0].strategy;
            let problem =
                format!("{strategy}: none of {} is valid", counted(trials.len(), "trial"));
            return Err(HistoryError::Invalid(problem));
        };
        let figure = |indicator: IndicatorName| {
            let values = valid.iter().map(|trial| indicator.value(&trial.indicators)).collect();
            (indicator, Summary::new(indicator, values).value)
        };
        let started_at = valid.iter().map(|trial| &trial.started_at).min();
        Ok(HistoryEntry {
            schema: HISTORY_SCHEMA.to_owned(),
            run: first.run.clone(),
            started_at: started_at.cloned().unwrap_or_default(),
            scenario: first.scenario.name.clone(),
            digest: first.scenario.digest.clone(),
            strategy: first.strategy.clone(),
            environment: first.environment.name.clone(),
            machine: first.machine.clone(),
            program: first.program.clone(),
            trials: u32::try_from(valid.len()).unwrap_or(u32::MAX),
            indicators: IndicatorName::ALL.into_iter().map(figure).collect(),
        })
    }

    /// Whether both are of the same strategy under the same circumstances, so that a difference
    /// between their figures says something.
    pub fn is_comparable(&self, other: &HistoryEntry) -> bool {
        self.digest == other.digest
            && self.strategy == other.strategy
            && self.environment == other.environment
            && self.program.profile == other.program.profile
            && self.machine.is_like(&other.machine)
    }

    /// Whether both are of the same strategy in the same run.
    pub(crate) fn is_same(&self, other: &HistoryEntry) -> bool {
        self.key() == other.key()
    }

    /// What tells an entry from all others.
    fn key(&self) -> [String; 4] {
        [&self.run, &self.started_at, &self.strategy, &self.digest].map(String::clone)
    }

    /// The line without its end.
    fn to_line(&self) -> Result<String, String> {
        self.check()?;
        let line = serde_json::to_string(self).map_err(|error| error.to_string())?;
        if line.len() > LINE_BYTES_MAX {
            return Err(format!("is {} bytes, at most {LINE_BYTES_MAX} allowed", line.len()));
        }
        Ok(line)
    }

    fn parse(line: &str) -> Result<HistoryEntry, String> {
        #[derive(Deserialize)]
        struct Probe {
            schema: Option<String>,
        }
        if line.len() > LINE_BYTES_MAX {
            return Err(format!("it has {} bytes, at most {LINE_BYTES_MAX} allowed", line.len()));
        }
        let probe: Probe = serde_json::from_str(line).map_err(|error| error.to_string())?;
        let schema = probe.schema.unwrap_or_default();
        if schema != HISTORY_SCHEMA {
            return Err(format!(
                "schema is {schema:?}, but this program reads {HISTORY_SCHEMA:?}; \
                 start a new file with this version"
            ));
        }
        let entry: HistoryEntry = serde_json::from_str(line).map_err(|error| error.to_string())?;
        entry.check().map(|()| entry)
    }

    fn check(&self) -> Result<(), String> {
        let named = [("run", &self.run), ("digest", &self.digest), ("strategy", &self.strategy)];
        if let Some((field, _)) = named.into_iter().find(|(_, value)| value.is_empty()) {
            return Err(format!("{field} is empty"));
        }
        let measured = self.indicators.iter().filter_map(|(name, value)| Some((name, (*value)?)));
        for (name, value) in measured {
            if !value.is_finite() || value < 0.0 {
                return Err(format!("{name} is {value}, but must be finite and not negative"));
            }
        }
        Ok(())
    }
}

impl History {
    /// Parses the text of a history; `place` says in errors where it came from. A last line
    /// without its end is read if it is whole, and otherwise left out with a warning.
    ///
    /// # Errors
    /// Names the line that cannot be read.
    pub fn parse(text: &str, place: &str) -> Result<History, HistoryError> {
        let mut history = History::default();
        let mut seen = HashSet::new();
        for (number, line) in (1..).zip(text.split_inclusive('\n')) {
            match (HistoryEntry::parse(line.trim_end()), line.ends_with('\n')) {
                (Ok(entry), _) if seen.insert(entry.key()) => history.entries.push(entry),
                (Ok(_), _) => {}
                (Err(_), false) => history.warning = Some(cut_off(place, number, line)),
                (Err(problem), true) => {
                    let place = place.to_owned();
                    return Err(HistoryError::Line { place, line: number, problem });
                }
            }
        }
        Ok(history)
    }

    /// Whether the same strategy of the same run is in it.
    pub fn holds(&self, entry: &HistoryEntry) -> bool {
        self.entries.iter().any(|known| known.is_same(entry))
    }
}

fn cut_off(place: &str, line: usize, text: &str) -> String {
    format!("{place}:{line}: the last line is cut off after {} bytes and was left out.", text.len())
}

#[cfg(test)]
mod tests;
