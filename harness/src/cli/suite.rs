//! `stormgauge suite NAME`

use super::options::{RunOptions, scenario};
use crate::exit::{Exit, Failure};
use crate::scenario::SuiteSpec;
use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stormgauge suite smoke --seed 7
  stormgauge suite stress --strategies high_throughput,low_latency --repetitions 1
  stormgauge suite checkers
  stormgauge suite durability
  stormgauge suite my-suite.yaml -o json --out results")]
pub(super) struct SuiteArgs {
    /// Name of a built-in suite (see `stormgauge list suites`), or a file
    suite: String,
    #[command(flatten)]
    options: RunOptions,
}

impl SuiteArgs {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let overrides = self.options.overrides()?;
        let suite = SuiteSpec::find(&self.suite).map_err(Failure::usage)?;
        let places = suite.places(&self.suite);
        let scenarios = places
            .iter()
            .map(|place| scenario(place, &overrides))
            .collect::<Result<Vec<_>, _>>()?;
        self.options.execute(&suite.name, scenarios)
    }
}
