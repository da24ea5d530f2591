//! Reports: the same findings for a terminal, a spreadsheet, a reader and other programs.

mod account;
mod capacity;
pub mod csv;
mod dashboard;
pub mod format;
mod gate;
mod hgrm;
pub mod hlog;
mod html;
mod json;
mod junit;
mod markdown;
mod openmetrics;
mod ranking;
mod sparkline;
mod terminal;

pub use capacity::{capacity_csv, capacity_json, capacity_markdown, capacity_table};
pub use dashboard::dashboard_json;
pub use gate::gate_table;
pub use hgrm::hgrm;
pub use html::html;
pub use json::{comparison_json, gate_json};
pub use junit::junit;
pub use markdown::{gate_markdown, markdown};
pub use openmetrics::openmetrics;
pub use ranking::{ranking_csv, ranking_json, ranking_markdown, ranking_table};
pub use sparkline::{Scale, sparkline};
pub use terminal::{faults_table, table};

use crate::comparison::StrategyRow;
use crate::objectives::IndicatorName;

/// The indicators of a comparison table, with their headings.
const TABLE_COLUMNS: [(IndicatorName, &str); 13] = [
    (IndicatorName::P50Response, "p50"),
    (IndicatorName::P99Response, "p99"),
    (IndicatorName::P999Response, "p99.9"),
    (IndicatorName::Throughput, "throughput/s"),
    (IndicatorName::Lost, "lost"),
    (IndicatorName::Duplicated, "dup"),
    (IndicatorName::Reordered, "reordered"),
    (IndicatorName::Recovery, "recovery"),
    (IndicatorName::OutOfObjective, "out of objective"),
    (IndicatorName::WorkerSeconds, "worker-s"),
    (IndicatorName::Cost, "cost/h"),
    (IndicatorName::ScaleActions, "scalings"),
    (IndicatorName::UnderProvisioned, "too few workers"),
];

/// Whether a character of a text that somebody else wrote would change how what is around it shows:
/// control characters, and the marks, embeddings, overrides and isolates of the bidirectional
/// algorithm.
fn misleads(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}')
        || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The value of a table's cell, without its spread.
fn cell_value(row: &StrategyRow, indicator: IndicatorName) -> String {
    let summary = row.summary(indicator);
    match summary.value {
        Some(value) => format::short(indicator, value),
        None => absent(indicator, row).to_owned(),
    }
}

/// The spread of a table's cell: least to greatest, where they differ or some are absent.
fn cell_spread(row: &StrategyRow, indicator: IndicatorName) -> Option<String> {
    let summary = row.summary(indicator);
    let (min, max) = (summary.min?, summary.max?);
    let least = format::short(indicator, min);
    if summary.absent() > 0 {
        return Some(format!("{least} – {}", absent(indicator, row)));
    }
    let greatest = format::short(indicator, max);
    (least != greatest).then(|| range(&least, &greatest))
}

/// `29.8–33.0 ms` of `29.8 ms` and `33.0 ms`.
fn range(least: &str, greatest: &str) -> String {
    match (least.split_once(' '), greatest.split_once(' ')) {
        (Some((number, unit)), Some((_, greatest_unit))) if unit == greatest_unit => {
            format!("{number}–{greatest}")
        }
        (None, None) => format!("{least}–{greatest}"),
        _ => format!("{least} – {greatest}"),
    }
}

/// What stands for an absent value: nothing was measured, or the system never recovered.
fn absent(indicator: IndicatorName, row: &StrategyRow) -> &'static str {
    let never = indicator == IndicatorName::Recovery && row.never_recovered > 0;
    if never { "never" } else { format::ABSENT }
}

#[cfg(test)]
mod tests;
