//! `stormgauge gate`: one verb, three questions, a file each.

mod bounds;
pub(super) mod duet;
mod history;

use super::options::GateForm;
use super::print;
use crate::exit::{Exit, Failure};
use clap::Args;
use results::{GateResult, report};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stormgauge gate stormgauge-out/RUN                         bounds of the scenario
  stormgauge gate stormgauge-out/RUN --bound 'p99_response < 2s' --bound 'lost <= 0'
  stormgauge gate stormgauge-out/RUN --baseline baseline.json --tolerance 0.1
  stormgauge gate --duet --baseline-bin old/stormgauge       is this program slower than that?
  stormgauge gate --duet --baseline-rev main --budget 40
  stormgauge gate --duet scenario.yaml --strategies low_latency --baseline-bin old/stormgauge
  stormgauge gate stormgauge-out/RUN --history history.jsonl      is it worse than those before?
  stormgauge gate stormgauge-out/RUN --history history.jsonl --no-append -o json
  stormgauge gate stormgauge-out/RUN -o junit > junit.xml")]
pub(super) struct GateArgs {
    /// Folder of a run
    #[arg(required_unless_present = "duet", conflicts_with = "duet")]
    directory: Option<PathBuf>,
    #[command(flatten)]
    bounds: bounds::BoundsArgs,
    #[command(flatten)]
    duet: duet::DuetArgs,
    #[command(flatten)]
    history: history::HistoryArgs,
    /// Relative change that is let pass [default: 0.25 against a baseline, otherwise 0.05]
    #[arg(long, value_name = "SHARE")]
    tolerance: Option<f64>,
    /// Form of the result on standard output
    #[arg(short = 'o', long, value_enum, default_value_t)]
    output: GateForm,
}

impl GateArgs {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let Some(directory) = self.directory else {
            return self.duet.run(self.tolerance, self.output);
        };
        let result = match self.history.file() {
            Some(file) => self.history.judge(file, &directory, self.tolerance)?,
            None => self.bounds.judge(&directory, self.tolerance)?,
        };
        print(&render(&result, self.output)?)?;
        Ok(Exit::of(result.verdict.kind))
    }
}

/// A gate's result in the form asked for.
fn render(result: &GateResult, form: GateForm) -> Result<String, Failure> {
    match form {
        GateForm::Json => report::gate_json(result).map_err(Failure::internal),
        GateForm::Table => Ok(report::gate_table(result)),
        GateForm::Md => Ok(report::gate_markdown(result)),
        GateForm::Junit => {
            report::junit(&[(result.mode.word(), result)]).map_err(Failure::internal)
        }
    }
}
