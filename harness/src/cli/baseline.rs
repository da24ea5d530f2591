//! `stormgauge baseline DIR`

use super::report::read_complete;
use crate::exit::{Exit, Failure};
use clap::Args;
use results::Baseline;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  stormgauge baseline stormgauge-out/RUN --to baseline.json")]
pub(super) struct BaselineArgs {
    /// Folder of a run
    directory: PathBuf,
    /// File to write
    #[arg(long, value_name = "FILE", default_value = "baseline.json")]
    to: PathBuf,
}

impl BaselineArgs {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let baseline =
            Baseline::from_records(&read_complete(&self.directory)?).map_err(Failure::usage)?;
        baseline.write(&self.to).map_err(Failure::not_ready)?;
        crate::note!("baseline written to {}", self.to.display());
        Ok(Exit::Pass)
    }
}
