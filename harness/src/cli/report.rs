//! `stormgauge report DIR`

use super::options::{Format, render};
use super::print;
use crate::capacity;
use crate::exit::{Exit, Failure};
use crate::run::reports;
pub(super) use crate::run::reports::scenario_of;
use clap::Args;
use results::capacity::CapacityResult;
use results::report::format::counted;
use results::{Comparison, RunRecord};
use std::path::{Path, PathBuf};

/// Most records that are read from one folder.
const RECORDS_MAX: usize = 10_000;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  stormgauge report stormgauge-out/RUN
  stormgauge report stormgauge-out/RUN -o md > comment.md
  stormgauge report stormgauge-out/RUN -o junit > junit.xml
  stormgauge report stormgauge-out/RUN -o html > page.html")]
pub(super) struct ReportArgs {
    /// Folder of a run
    directory: PathBuf,
    /// Form of the result on standard output
    #[arg(short = 'o', long, value_enum, default_value_t)]
    output: Format,
}

impl ReportArgs {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let capacity = self.directory.join("capacity.json");
        if capacity.is_file() {
            let result = CapacityResult::read(&capacity).map_err(Failure::usage)?;
            print(&capacity::shown(&result, self.output.of_tables()?)?)?;
            return Ok(Exit::Pass);
        }
        let records = read_records(&self.directory)?;
        let comparison = Comparison::from_records(&records).map_err(Failure::usage)?;
        print(&render(&comparison, &records, self.output)?)?;
        reports::write(&self.directory, &records)?;
        Ok(Exit::Pass)
    }
}

/// Reads every record of a run that came to its end.
///
/// # Errors
/// As [`read_records`], and when a trial that the scenario asks for has no record: what is left of
/// a run that was cut short must not pass for all of it.
pub(super) fn read_complete(directory: &Path) -> Result<Vec<RunRecord>, Failure> {
    let records = read_records(directory)?;
    let mut missing = Vec::new();
    let mut seen = Vec::new();
    for record in &records {
        if seen.contains(&&record.scenario.digest) {
            continue;
        }
        seen.push(&record.scenario.digest);
        let spec = scenario_of(record)?;
        for strategy in &spec.strategies {
            for repetition in 1..=spec.repetitions {
                let there = records.iter().any(|other| {
                    other.scenario.name == spec.name
                        && other.strategy == strategy.as_str()
                        && other.repetition == repetition
                });
                let name = format!("{}-{}-{repetition}", spec.name, strategy.as_str());
                if !there && !missing.contains(&name) {
                    missing.push(name);
                }
            }
        }
    }
    if missing.is_empty() {
        return Ok(records);
    }
    let error = anyhow::anyhow!(
        "{}: the run was cut short; no record of {}",
        directory.display(),
        missing.join(", ")
    );
    Err(Failure { exit: Exit::Inconclusive, error })
}

/// Reads every record of a run.
///
/// # Errors
/// When there is none, or one cannot be trusted.
pub(super) fn read_records(directory: &Path) -> Result<Vec<RunRecord>, Failure> {
    let folder = directory.join("records");
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::usage(anyhow::anyhow!(
            "{}: not the folder of a run (no readable `records` in it): {error}",
            directory.display()
        ))
    };
    let entries = std::fs::read_dir(&folder).map_err(|error| wrong(&error))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| wrong(&error))?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    if files.is_empty() || files.len() > RECORDS_MAX {
        return Err(wrong(&counted(files.len(), "record")));
    }
    files.sort();
    let mut records = files
        .iter()
        .map(|file| RunRecord::read(file).map_err(Failure::usage))
        .collect::<Result<Vec<_>, _>>()?;
    records.sort_by(|a, b| a.started_at.cmp(&b.started_at));
    Ok(records)
}
