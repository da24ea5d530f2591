//! `stormgauge clean`

use crate::environment::docker;
use crate::exit::{Exit, Failure};
use crate::leftover;
use clap::Args;
use results::report::format::counted;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stormgauge clean
  stormgauge clean --root results --dry-run")]
pub(super) struct CleanArgs {
    /// Folder that holds runs, or the folder of one run
    #[arg(long, default_value = crate::run::ROOT)]
    root: PathBuf,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

impl CleanArgs {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let runs = leftover::find(&self.root)
            .map_err(|error| Failure::usage(anyhow::anyhow!("{}: {error}", self.root.display())))?;
        let mut removed = 0;
        for run in &runs {
            super::print(&run.to_string())?;
            removed += run.processes.len() + run.folders.len();
            if !self.dry_run {
                run.remove().map_err(Failure::not_ready)?;
            }
        }
        removed += self.clean_docker()? + self.clean_groups()?;
        let done = if self.dry_run { "found" } else { "removed" };
        super::print(&format!(
            "{}, {} {done}",
            counted(runs.len(), "unfinished run"),
            counted(removed, "leftover")
        ))?;
        Ok(Exit::Pass)
    }

    /// Finds control groups that are left, and removes them; how many there are.
    fn clean_groups(&self) -> Result<usize, Failure> {
        let left = docker::groups::left();
        for group in &left {
            super::print(&group.to_string())?;
            if !self.dry_run {
                group.remove().map_err(Failure::not_ready)?;
            }
        }
        Ok(left.len())
    }

    /// Finds what is left in Docker, whatever the folder, and removes it; how much there is.
    fn clean_docker(&self) -> Result<usize, Failure> {
        let runtime = super::options::runtime()?;
        let left = runtime.block_on(docker::leftover::find()).map_err(Failure::not_ready)?;
        for environment in &left {
            super::print(&environment.to_string())?;
            if !self.dry_run {
                runtime.block_on(environment.remove()).map_err(Failure::not_ready)?;
            }
        }
        Ok(left.iter().map(docker::leftover::LeftInDocker::count).sum())
    }
}
