//! `stormgauge validate FILE...`

use super::options::EnvironmentName;
use crate::exit::{Exit, Failure};
use crate::scenario::SuiteSpec;
use crate::scenario::validated::Overrides;
use clap::Args;
use results::report::format::counted;
use std::path::Path;

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  stormgauge validate scenarios/*.yaml")]
pub(super) struct ValidateArgs {
    /// Scenario and suite files, or names of built-in scenarios
    #[arg(required = true)]
    files: Vec<String>,
    /// Environment that has to be able to do every fault
    #[arg(long = "env", value_enum, default_value_t)]
    environment: EnvironmentName,
}

impl ValidateArgs {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let mut exit = Exit::Pass;
        let environment = Some(self.environment.capability());
        let overrides = Overrides { environment, ..Overrides::default() };
        for file in &self.files {
            let checked = match SuiteSpec::find(file) {
                // A suite's keys are no scenario's, so a file is never taken for the other kind.
                Ok(suite) if Path::new(file).is_file() => check_suite(file, &suite, &overrides),
                _ => check_scenario(file, &overrides),
            };
            if let Err(failure) = checked {
                crate::note!("{failure}");
                exit = Exit::Usage;
            }
        }
        Ok(exit)
    }
}

fn check_suite(file: &str, suite: &SuiteSpec, overrides: &Overrides) -> Result<(), Failure> {
    crate::note!(
        "{file}: valid: suite {} of {}",
        suite.name,
        counted(suite.scenarios.len(), "scenario")
    );
    suite.places(file).iter().try_for_each(|place| check_scenario(place, overrides))
}

fn check_scenario(file: &str, overrides: &Overrides) -> Result<(), Failure> {
    let scenario = super::options::scenario(file, overrides)?;
    crate::note!(
        "{file}: valid: {} in {:?}, {}, {} x {}",
        counted(scenario.workload.total(), "message"),
        scenario.spec.duration,
        counted(scenario.spec.faults.len(), "fault"),
        counted(scenario.spec.strategies.len(), "strategy"),
        scenario.spec.repetitions
    );
    Ok(())
}
