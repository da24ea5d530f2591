//! `summary.csv`: a line for each strategy (of each scenario).

use super::{CSV_SCHEMA, FOLLOWING, LEADING, file, owned, text, value};
use crate::comparison::{Comparison, StrategyRow};
use crate::objectives::IndicatorName;

/// The indicators whose spread the summary tells.
const SPREAD: [(IndicatorName, &str); 3] = [
    (IndicatorName::P99Response, "p99_ms"),
    (IndicatorName::Recovery, "recovery_s"),
    (IndicatorName::Cost, "cost"),
];

/// `summary.csv`: a line for each strategy (of each scenario).
///
/// # Errors
/// Never, since it is written to memory.
pub fn summary(comparison: &Comparison) -> csv::Result<String> {
    let mut headings = owned(&["schema", "strategy", "verdict"]);
    headings.extend(LEADING.iter().chain(&FOLLOWING).map(|(_, name)| (*name).to_owned()));
    headings.extend(owned(&["currency", "scenario", "trials"]));
    for (_, name) in SPREAD {
        headings.extend([format!("{name}_min"), format!("{name}_max")]);
    }
    file(&headings, comparison.rows.iter().map(line))
}

fn line(row: &StrategyRow) -> Vec<String> {
    let mut line = vec![CSV_SCHEMA.to_owned(), text(&row.strategy)];
    line.push(row.verdict.kind.word().to_owned());
    for (indicator, _) in LEADING.into_iter().chain(FOLLOWING) {
        line.push(value(indicator, row.summary(indicator).value));
    }
    line.extend([text(&row.currency), text(&row.scenario), row.trials.len().to_string()]);
    for (indicator, _) in SPREAD {
        let summary = row.summary(indicator);
        line.extend([value(indicator, summary.min), value(indicator, summary.max)]);
    }
    line
}
