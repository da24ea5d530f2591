//! `stormgauge validate FILE...`

use crate::exit::{Exit, Failure};
use crate::scenario::validated::Overrides;
use clap::Args;

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  stormgauge validate scenarios/*.yaml")]
pub(super) struct ValidateArgs {
    /// Scenario files, or names of built-in scenarios
    #[arg(required = true)]
    files: Vec<String>,
}

impl ValidateArgs {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let mut exit = Exit::Pass;
        for file in &self.files {
            match super::options::scenario(file, &Overrides::default()) {
                Ok(scenario) => eprintln!(
                    "{file}: valid: {} messages in {:?}, {} faults, {} strategies x {}",
                    scenario.workload.total(),
                    scenario.spec.duration,
                    scenario.spec.faults.len(),
                    scenario.spec.strategies.len(),
                    scenario.spec.repetitions
                ),
                Err(failure) => {
                    eprintln!("{failure}");
                    exit = Exit::Usage;
                }
            }
        }
        Ok(exit)
    }
}
