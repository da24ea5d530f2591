//! `stormgauge gate DIR`

use super::options::GateForm;
use super::print;
use super::report::{read_complete, scenario_of};
use crate::exit::{Exit, Failure};
use clap::Args;
use results::{Baseline, HealthLimits, IndicatorName, Objectives, report};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stormgauge gate stormgauge-out/RUN                         bounds of the scenario
  stormgauge gate stormgauge-out/RUN --bound 'p99_response < 2s' --bound 'lost <= 0'
  stormgauge gate stormgauge-out/RUN --baseline baseline.json --tolerance 0.1")]
pub(super) struct GateArgs {
    /// Folder of a run
    directory: PathBuf,
    /// A bound such as 'p99_response < 2s'; replaces the scenario's objectives
    #[arg(long, value_name = "BOUND")]
    bound: Vec<String>,
    /// Baseline to compare with
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Relative change against the baseline that is let pass
    #[arg(long, default_value_t = 0.25)]
    tolerance: f64,
    /// Form of the result on standard output
    #[arg(short = 'o', long, value_enum, default_value_t)]
    output: GateForm,
}

impl GateArgs {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let records = read_complete(&self.directory)?;
        let baseline = self.baseline.as_deref().map(Baseline::read).transpose();
        let baseline = baseline.map_err(Failure::usage)?;
        let limits = HealthLimits::default();
        let bounds = self.bounds(&records)?;
        let result = results::gate(&records, &bounds, baseline.as_ref(), self.tolerance, &limits)
            .map_err(Failure::usage)?;
        let text = match self.output {
            GateForm::Json => report::gate_json(&result).map_err(Failure::internal)?,
            GateForm::Table => report::gate_table(&result),
            GateForm::Md => report::gate_markdown(&result),
        };
        print(&text)?;
        Ok(Exit::of(result.verdict.kind))
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
