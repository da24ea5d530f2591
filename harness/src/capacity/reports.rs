//! The files of a capacity run, and its form on standard output.

use crate::cli::TableFormat;
use crate::exit::Failure;
use crate::run::RunDirectory;
use results::capacity::CapacityResult;
use results::file::write_atomic;
use results::report;

/// Writes `capacity.json`, `capacity.csv` and `report.md`.
///
/// # Errors
/// When the disk refuses.
pub(super) fn write(directory: &RunDirectory, result: &CapacityResult) -> Result<(), Failure> {
    let folder = directory.path();
    result.write(&folder.join("capacity.json")).map_err(Failure::not_ready)?;
    let csv = report::capacity_csv(result).map_err(Failure::internal)?;
    let files = [("capacity.csv", csv), ("report.md", report::capacity_markdown(result))];
    for (name, text) in files {
        write_atomic(&folder.join(name), text.as_bytes()).map_err(Failure::not_ready)?;
    }
    Ok(())
}

/// The result in the form asked for.
///
/// # Errors
/// When it cannot be rendered.
pub(crate) fn shown(result: &CapacityResult, format: TableFormat) -> Result<String, Failure> {
    match format {
        TableFormat::Table => Ok(report::capacity_table(result)),
        TableFormat::Json => report::capacity_json(result).map_err(Failure::internal),
        TableFormat::Csv => report::capacity_csv(result).map_err(Failure::internal),
        TableFormat::Md => Ok(report::capacity_markdown(result)),
    }
}
