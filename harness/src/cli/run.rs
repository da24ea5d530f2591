//! `stormgauge run FILE`

use super::options::{RunOptions, scenario};
use crate::exit::{Exit, Failure};
use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stormgauge run scenario.yaml
  stormgauge run stress --strategies cost_optimized --repetitions 1 --seed 3
  stormgauge run scenario.yaml --chaos random --intensity 0.3 --repetitions 50
  stormgauge run scenario.yaml --rate-scale 0.5 --deadline 5m -o json")]
pub(super) struct RunArgs {
    /// Scenario file, or the name of a built-in scenario
    file: String,
    #[command(flatten)]
    options: RunOptions,
}

impl RunArgs {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let scenario = scenario(&self.file, &self.options.overrides()?)?;
        let name = scenario.spec.name.clone();
        self.options.execute(&name, vec![scenario])
    }
}
