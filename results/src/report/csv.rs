//! `summary.csv`, `trials.csv`, `faults.csv`, `series.csv` and `history.csv`, for spreadsheets and scripts.
//!
//! What the columns mean, and in which unit, is in `results/FILES.md`. The first column of every
//! line is [`CSV_SCHEMA`]. Text from files is made harmless: control characters become spaces,
//! and a cell that a spreadsheet would take for a formula gets an apostrophe before it.

mod faults;
mod history;
mod series;
mod summary;
mod trials;

use csv::Writer;

use crate::objectives::{IndicatorName, Unit};

pub use faults::faults;
pub use history::history;
pub use series::series;
pub use summary::summary;
pub use trials::trials;

/// The version of the CSV files, in the first column of each line. It changes when a column
/// changes its meaning or goes; columns may be added at the end without.
pub const CSV_SCHEMA: &str = "1";

/// The indicators that lead each line of a trial or strategy, with their columns.
const LEADING: [(IndicatorName, &str); 11] = [
    (IndicatorName::P50Response, "p50_ms"),
    (IndicatorName::P99Response, "p99_ms"),
    (IndicatorName::P999Response, "p999_ms"),
    (IndicatorName::Throughput, "throughput_per_s"),
    (IndicatorName::Lost, "lost"),
    (IndicatorName::Duplicated, "duplicated"),
    (IndicatorName::Reordered, "reordered"),
    (IndicatorName::Recovery, "recovery_s"),
    (IndicatorName::WorkerSeconds, "worker_seconds"),
    (IndicatorName::Cost, "cost"),
    (IndicatorName::ScaleActions, "scale_actions"),
];

/// The indicators that follow.
const FOLLOWING: [(IndicatorName, &str); 10] = [
    (IndicatorName::SteadyP99Response, "steady_p99_ms"),
    (IndicatorName::Unexpected, "unexpected"),
    (IndicatorName::MissedSends, "missed_sends"),
    (IndicatorName::WorstDetection, "worst_detection_s"),
    (IndicatorName::WorstRestore, "worst_restore_s"),
    (IndicatorName::WorstDrain, "worst_drain_s"),
    (IndicatorName::OutOfObjective, "out_of_objective"),
    (IndicatorName::NoProgress, "no_progress_share"),
    (IndicatorName::UnderProvisioned, "under_provisioned_share"),
    (IndicatorName::OverProvisioned, "over_provisioned_share"),
];

/// The text of a file: the headings, then the lines.
pub(in crate::report) fn file(
    headings: &[String],
    lines: impl IntoIterator<Item = Vec<String>>,
) -> csv::Result<String> {
    let mut writer = Writer::from_writer(Vec::new());
    writer.write_record(headings)?;
    for line in lines {
        writer.write_record(&line)?;
    }
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

pub(in crate::report) fn owned(headings: &[&str]) -> Vec<String> {
    headings.iter().map(|heading| (*heading).to_owned()).collect()
}

/// The value of an indicator, with as many decimals as were measured: a microsecond, a millionth
/// of money.
pub(in crate::report) fn value(indicator: IndicatorName, value: Option<f64>) -> String {
    number(value, if indicator.unit() == Unit::MoneyPerHour { 6 } else { 3 })
}

/// A number with at most so many decimals; empty where there is none.
pub(in crate::report) fn number(value: Option<f64>, decimals: usize) -> String {
    let Some(value) = value.filter(|value| value.is_finite()) else {
        return String::new();
    };
    let text = format!("{value:.decimals$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Text from a file, harmless in a spreadsheet.
pub(in crate::report) fn text(text: &str) -> String {
    let harmless: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if harmless.trim_start().starts_with(['=', '+', '-', '@']) {
        format!("'{harmless}")
    } else {
        harmless
    }
}

#[cfg(test)]
mod tests;
