//! `stormgauge gate DIR`: is a run within its bounds, and no worse than a baseline?

use crate::cli::report::{read_complete, scenario_of};
use crate::exit::Failure;
use clap::Args;
use results::{Baseline, GateResult, HealthLimits, IndicatorName, Objectives};
use std::path::{Path, PathBuf};

/// Relative change against a baseline that is let pass.
const TOLERANCE: f64 = 0.25;

#[derive(Debug, Args)]
pub(super) struct BoundsArgs {
    /// A bound such as 'p99_response < 2s'; replaces the scenario's objectives
    #[arg(long, value_name = "BOUND", conflicts_with = "duet")]
    bound: Vec<String>,
    /// Baseline to compare with
    #[arg(long, value_name = "FILE", conflicts_with = "duet")]
    baseline: Option<PathBuf>,
}

impl BoundsArgs {
    /// Holds the run in `directory` against the bounds and the baseline.
    pub(super) fn judge(
        &self,
        directory: &Path,
        tolerance: Option<f64>,
    ) -> Result<GateResult, Failure> {
        let records = read_complete(directory)?;
        let baseline = self.baseline.as_deref().map(Baseline::read).transpose();
        let baseline = baseline.map_err(Failure::usage)?;
        let limits = HealthLimits::default();
        let bounds = self.bounds(&records)?;
        let tolerance = tolerance.unwrap_or(TOLERANCE);
        results::gate(&records, &bounds, baseline.as_ref(), tolerance, &limits)
            .map_err(Failure::usage)
    }

    /// The bounds of the flags, or else of the scenario.
    fn bounds(&self, records: &[results::RunRecord]) -> Result<Objectives, Failure> {
        if !self.bound.is_empty() {
            return parse_bounds(&self.bound);
        }
        let Some(record) = records.first() else { return Ok(Objectives::default()) };
        Ok(scenario_of(record)?.objectives)
    }
}

/// Bounds such as `p99_response < 2s`.
fn parse_bounds(texts: &[String]) -> Result<Objectives, Failure> {
    let mut bounds = Objectives::new();
    for text in texts {
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::usage(anyhow::anyhow!("--bound '{text}': {error}"))
        };
        let end = text.find(|c: char| c.is_whitespace() || "<>=".contains(c));
        let (name, bound) = text.split_at(end.unwrap_or(text.len()));
        let indicator: IndicatorName = name.parse().map_err(|error| wrong(&error))?;
        bounds.set(indicator, bound.trim()).map_err(|error| wrong(&error))?;
    }
    Ok(bounds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Objectives, String> {
        parse_bounds(&[text.to_owned()]).map_err(|failure| failure.to_string())
    }

    #[test]
    fn a_bound_names_its_indicator_with_or_without_spaces() {
        assert_eq!(parse("p99_response < 2s").unwrap(), parse("p99_response<2s").unwrap());
        assert!(parse("lost <= 0").is_ok());
    }

    #[test]
    fn a_wrong_bound_is_named_in_the_error() {
        assert!(parse("p98 < 2s").unwrap_err().starts_with("--bound 'p98 < 2s'"));
        assert!(parse("p99_response").is_err());
        assert!(parse("p99_response < soon").is_err());
    }
}
