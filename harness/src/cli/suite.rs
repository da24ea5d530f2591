//! `stormgauge suite NAME`

use super::options::{RunOptions, scenario};
use crate::exit::{Exit, Failure};
use crate::scenario::{SuiteSpec, builtin};
use clap::Args;
use std::path::Path;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stormgauge suite smoke --seed 7
  stormgauge suite stress --strategies high_throughput,low_latency --repetitions 1
  stormgauge suite checkers
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
        let base = Path::new(&self.suite).parent().unwrap_or(Path::new(""));
        let scenarios = suite.scenarios.iter().map(|named| {
            // A suite in a file names scenarios beside itself.
            let beside = base.join(named);
            let found = builtin::scenario(named).is_none() || beside.is_file();
            let place = if found { beside.display().to_string() } else { named.clone() };
            scenario(&place, &overrides)
        });
        let scenarios = scenarios.collect::<Result<Vec<_>, _>>()?;
        self.options.execute(&suite.name, scenarios)
    }
}
