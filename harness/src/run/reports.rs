//! The reports of a run: which files there are, and how to write or print them.

use crate::exit::Failure;
use results::file::write_atomic;
use results::{Comparison, RunRecord, report};
use std::path::Path;

/// The files of a run beside its reports, each with what it holds.
const FILES: [(&str, &str); 6] = [
    ("summary.csv", "a row a strategy"),
    ("trials.csv", "a row a trial"),
    ("records/", "everything a trial found, a file each"),
    ("journal.jsonl", "every fault and process, written before it happens"),
    ("scenarios/", "the scenarios as they were run"),
    ("trials/", "logs of operator and workers, a folder a trial"),
];

/// Width of tables where standard output is no terminal.
const WIDTH: usize = 160;

/// Writes `report.md`, `summary.csv` and `trials.csv`.
///
/// # Errors
/// When the records do not belong together or the disk refuses.
pub fn write(directory: &Path, records: &[RunRecord]) -> Result<(), Failure> {
    let comparison = Comparison::from_records(records).map_err(Failure::usage)?;
    let summary = report::csv::summary(&comparison).map_err(Failure::internal)?;
    let trials = report::csv::trials(&comparison).map_err(Failure::internal)?;
    let markdown = report::markdown(&comparison, records, &FILES);
    let files = [("summary.csv", summary), ("trials.csv", trials), ("report.md", markdown)];
    for (name, text) in files {
        write_atomic(&directory.join(name), text.as_bytes()).map_err(Failure::not_ready)?;
    }
    Ok(())
}

/// The comparison as a table that fits the terminal.
pub fn table(comparison: &Comparison) -> String {
    let columns = rustix::termios::tcgetwinsize(std::io::stdout()).map(|size| size.ws_col);
    let width = columns.ok().filter(|columns| *columns > 0).map_or(WIDTH, usize::from);
    report::table(comparison, width)
}

/// The comparison as markdown.
pub fn markdown(comparison: &Comparison, records: &[RunRecord]) -> String {
    report::markdown(comparison, records, &FILES)
}
