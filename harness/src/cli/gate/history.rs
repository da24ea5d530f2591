//! `stormgauge gate DIR --history FILE`: is a run worse than those before it, and since when?

use crate::cli::report::read_complete;
use crate::exit::{Exit, Failure};
use anyhow::anyhow;
use clap::Args;
use results::GateResult;
use results::gate::HistoryRules;
use results::history::{self, HistoryEntry, HistoryError};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// Append the run to the history in this file, and look for changes in it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["bound", "baseline", "duet"])]
    history: Option<PathBuf>,
    /// Only look: leave the history as it is
    #[arg(long, requires = "history")]
    no_append: bool,
}

impl HistoryArgs {
    /// The file of the history, when that is what the gate is asked about.
    pub(super) fn file(&self) -> Option<&Path> {
        self.history.as_deref()
    }

    /// Appends the run in `directory` to the history, and judges it by the runs before.
    pub(super) fn judge(
        &self,
        file: &Path,
        directory: &Path,
        tolerance: Option<f64>,
    ) -> Result<GateResult, Failure> {
        let known = HistoryRules::default();
        let tolerance = tolerance.unwrap_or(known.tolerance);
        if !(tolerance.is_finite() && tolerance >= 0.0) {
            let error = anyhow!("--tolerance {tolerance}: must be a number from 0, such as 0.05");
            return Err(Failure::usage(error));
        }
        let records = read_complete(directory)?;
        let newest = HistoryEntry::of_run(&records).map_err(failure)?;
        // What cannot be read must not grow.
        let before = history::read(file).map_err(failure)?;
        let is_known = newest.iter().all(|entry| before.holds(entry));
        let mut warnings: Vec<String> = before.warning.clone().into_iter().collect();
        if is_known && !self.no_append {
            warnings.push("The run is in the history already and was not appended.".to_owned());
        } else if !self.no_append {
            let repaired = history::append(file, &newest).map_err(failure)?;
            warnings.extend(repaired);
        }
        let after = if self.no_append { before } else { history::read(file).map_err(failure)? };
        let rules = HistoryRules { tolerance, ..known };
        let mut result = results::gate::history(&after.entries, &newest, &records, &rules);
        result.warnings.extend(warnings);
        Ok(result)
    }
}

/// A run that tested nothing is inconclusive; a file that cannot be used is wrong usage.
fn failure(error: HistoryError) -> Failure {
    let exit = match &error {
        HistoryError::Invalid(_) => Exit::Inconclusive,
        HistoryError::File(_) | HistoryError::Line { .. } | HistoryError::Run(_) => Exit::Usage,
    };
    Failure { exit, error: error.into() }
}
