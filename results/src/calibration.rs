//! A calibration: what the duet gate is worth on one machine, found with a program against itself.
//!
//! The pairs of a program against itself show the noise. Drawn from again and again, they show how
//! often the gate would fail a program that is no slower, and how often it would find one that is.
//! The drawing makes neither program the slower one; the pairs as they were measured show whether
//! that is so.

mod measured;
mod misfits;
mod resample;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::document::{self, Document, DocumentError};
use crate::gate::{DuetSetting, Pair, Role, log_ratios};
use crate::record::{Machine, Program};
use crate::statistics::duet::{POWER, Rules};
use crate::statistics::power::windows_needed;
use crate::statistics::{correlation, share_interval};

pub use measured::Measured;

/// The version of the calibration that this crate writes, and the only one that it reads.
pub const CALIBRATION_SCHEMA: &str = "stormgauge.dev/duet-calibration/v2";
/// The largest calibration file that is read, in bytes.
pub const CALIBRATION_BYTES_MAX: u64 = 1024 * 1024;
/// Fewest pairs that count: fewer show too little of the noise to be drawn from.
pub const CALIBRATION_PAIRS_MIN: usize = 10;
/// The change that is to be found where none is tolerated.
const CHANGE_BEYOND_NONE: f64 = 0.05;
/// The confidence of the bounds of a [`Rate`].
const CONFIDENCE: f64 = 0.95;

/// What the duet gate is worth on one machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// The version of this format, [`CALIBRATION_SCHEMA`].
    pub schema: String,
    /// The scenario's name.
    pub scenario: String,
    /// Its digest.
    pub digest: String,
    /// The strategy.
    pub strategy: String,
    /// The machine.
    pub machine: Machine,
    /// The program that ran against itself.
    pub program: Program,
    /// The rules of the gate that were tried.
    pub rules: Rules,
    /// The natural logarithm of the p99 ratio of each pair that counts, in order.
    pub log_ratios: Vec<f64>,
    /// Pairs with a spoiled trial, which were left out.
    pub spoiled: usize,
    /// Mean time of a pair, in seconds.
    pub seconds_per_pair: f64,
    /// Standard deviation of the log ratios: 0.05 is about 5 % from pair to pair.
    pub noise: f64,
    /// Correlation of neighbouring log ratios.
    pub lag1: Option<f64>,
    /// The seed of the drawing.
    pub seed: u64,
    /// Gates that were drawn for each rate.
    pub gates: u32,
    /// How often the gate fails a program that is no slower.
    pub false_alarms: Rate,
    /// The change that `power` speaks of: twice the tolerance, or 5 % where none is tolerated.
    pub change: f64,
    /// How often the gate fails a program that is slower by `change`.
    pub power: Rate,
    /// What the gate makes of the pairs as they were measured.
    pub measured: Measured,
    /// Pairs that a single look needs to find `change` in 95 % of all cases; absent when no number
    /// suffices.
    pub pairs_needed: Option<u64>,
}

/// How often something happens, with its interval at 95 % (Clopper and Pearson, 1934). The interval
/// is that of the drawing; that few pairs show little of the noise comes on top.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// The share, 0 to 1.
    pub share: f64,
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

impl Rate {
    /// The rate of `happened` out of `all`.
    pub(crate) fn of(happened: u32, all: u32) -> Rate {
        let interval = share_interval(happened.into(), all.into(), CONFIDENCE);
        let (low, high) = interval.unwrap_or((0.0, 1.0));
        Rate { share: f64::from(happened) / f64::from(all.max(1)), low, high }
    }
}

/// Why there is no calibration.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// Too few pairs count.
    #[error("{counted} of {played} pairs count, at least {CALIBRATION_PAIRS_MIN} must; {last}")]
    Pairs {
        /// Pairs that count.
        counted: usize,
        /// Pairs played.
        played: usize,
        /// The last that does not, and why.
        last: String,
    },
    /// The file could not be read or written, or is no calibration of this version.
    #[error(transparent)]
    Document(#[from] DocumentError),
}

impl Document for Calibration {
    const KIND: &'static str = "calibration";
    const SHORT: &'static str = "calibration";
    const SCHEMA: &'static str = CALIBRATION_SCHEMA;
    const BYTES_MAX: u64 = CALIBRATION_BYTES_MAX;

    fn schema(&self) -> &str {
        &self.schema
    }

    fn problem(&self) -> Result<(), (String, String)> {
        self.check()
    }
}

impl Calibration {
    /// Makes a calibration of the pairs of a program against itself, drawing `gates` gates for each
    /// rate.
    ///
    /// # Errors
    /// When too few pairs count.
    pub fn of_pairs(
        setting: &DuetSetting,
        pairs: &[Pair],
        seconds_per_pair: f64,
        (seed, gates): (u64, u32),
    ) -> Result<Calibration, CalibrationError> {
        let ratios = log_ratios(pairs);
        let halves = pairs.iter().filter(|pair| pair.log_ratio().is_some());
        let described = halves
            .map(|pair| pair.half(Role::Candidate))
            .find_map(|half| Some((half.machine.clone()?, half.program.clone()?)));
        let enough = ratios.len() >= CALIBRATION_PAIRS_MIN;
        let Some((machine, program)) = described.filter(|_| enough) else {
            let last = pairs.iter().rev().find_map(Pair::spoiled).unwrap_or_default();
            return Err(CalibrationError::Pairs {
                counted: ratios.len(),
                played: pairs.len(),
                last,
            });
        };
        let rules = setting.rules;
        let change = change(&rules);
        let noise = standard_deviation(&ratios);
        let beyond = (1.0 + change) / (1.0 + rules.tolerance) - 1.0;
        let rate = |shift: f64| resample::failures(&ratios, &rules, shift, seed, gates);
        Ok(Calibration {
            schema: CALIBRATION_SCHEMA.to_owned(),
            scenario: setting.scenario.clone(),
            digest: setting.digest.clone(),
            strategy: setting.strategy.clone(),
            machine,
            program,
            rules,
            spoiled: pairs.len() - ratios.len(),
            seconds_per_pair,
            noise,
            lag1: correlation::lag1(&ratios),
            seed,
            gates,
            false_alarms: Rate::of(rate(0.0), gates),
            change,
            power: Rate::of(rate(change.ln_1p()), gates),
            measured: Measured::of(&ratios, &rules, change.ln_1p()),
            pairs_needed: windows_needed(noise, beyond, rules.alpha, POWER),
            log_ratios: ratios,
        })
    }

    /// Reads and checks the calibration file at `path`.
    ///
    /// # Errors
    /// Names the file, and the field or the schema that is wrong.
    pub fn read(path: &Path) -> Result<Calibration, CalibrationError> {
        Ok(document::read(path)?)
    }

    /// Writes the calibration to `path` whole or not at all.
    ///
    /// # Errors
    /// Names the file.
    pub fn write(&self, path: &Path) -> Result<(), CalibrationError> {
        Ok(document::write(self, path)?)
    }

    fn check(&self) -> Result<(), (String, String)> {
        let wrong = |field: &str, problem: &str| Err((field.to_owned(), problem.to_owned()));
        if self.log_ratios.len() < CALIBRATION_PAIRS_MIN {
            return wrong("log_ratios", "has too few pairs");
        }
        if self.log_ratios.iter().any(|ratio| !ratio.is_finite()) {
            return wrong("log_ratios", "holds what is not finite");
        }
        if self.rules.looks().is_empty() {
            return wrong("rules", "have no meaning");
        }
        for (field, value) in [
            ("seconds_per_pair", self.seconds_per_pair),
            ("noise", self.noise),
            ("change", self.change),
        ] {
            if !(value.is_finite() && value >= 0.0) {
                return wrong(field, "must be finite and not negative");
            }
        }
        for (field, rate) in [("false_alarms", self.false_alarms), ("power", self.power)] {
            let ordered = 0.0 <= rate.low && rate.low <= rate.share && rate.share <= rate.high;
            if !ordered || rate.high > 1.0 {
                return wrong(field, "must rise from 0 to 1: low, share, high");
            }
        }
        let Measured { gates, failed, passed, found } = self.measured;
        let counted = failed.checked_add(passed).is_some_and(|decided| decided <= gates);
        if gates != self.log_ratios.len() || !counted || found > gates {
            return wrong("measured", "counts more gates than there are pairs, or fewer");
        }
        Ok(())
    }
}

/// The change that a gate is to find.
fn change(rules: &Rules) -> f64 {
    if rules.tolerance > 0.0 { 2.0 * rules.tolerance } else { CHANGE_BEYOND_NONE }
}

fn standard_deviation(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0)).sqrt()
}

#[cfg(test)]
mod tests;
