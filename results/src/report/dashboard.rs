//! `dashboard.json`: figures for dashboards of benchmarks over time.
//!
//! The form is that of github-action-benchmark's `customSmallerIsBetter`: a list of name, unit,
//! value, range and further text. Figures of which more is better have no place in it, and one
//! that was not measured, or a recovery that never came, has no number: it is left out.

use serde::Serialize;

use crate::comparison::{Comparison, StrategyRow};
use crate::objectives::{IndicatorName, Unit};
use crate::report::format;

#[derive(Serialize)]
struct Entry {
    name: String,
    unit: String,
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<String>,
    extra: String,
}

/// The figures of every strategy of which less is better, as JSON ending in a line break: the
/// median over the trials or, for counts of messages, the worst trial's.
///
/// # Errors
/// Never, since it is written to memory.
pub fn dashboard_json(comparison: &Comparison) -> serde_json::Result<String> {
    let of_row = |row| {
        let indicators = IndicatorName::ALL.into_iter();
        indicators.filter_map(move |indicator| entry(row, indicator))
    };
    let entries: Vec<Entry> = comparison.rows.iter().flat_map(of_row).collect();
    Ok(serde_json::to_string_pretty(&entries)? + "\n")
}

fn entry(row: &StrategyRow, indicator: IndicatorName) -> Option<Entry> {
    if indicator.unit() == Unit::PerSecond {
        return None;
    }
    let summary = row.summary(indicator);
    let value = summary.value.filter(|value| value.is_finite())?;
    let range = summary.min.zip(summary.max).filter(|(min, max)| min < max);
    let trials = row.trials.len();
    let measured = trials - summary.absent();
    Some(Entry {
        name: format!("{} / {} / {indicator}", row.scenario, row.strategy),
        unit: unit(indicator, &row.currency),
        value,
        range: range.map(|(min, max)| {
            let short = |value| format::short(indicator, value);
            format!("{} to {}", short(min), short(max))
        }),
        extra: format!(
            "verdict {}, {measured} of {}",
            row.verdict.kind.word(),
            format::counted(trials, "trial")
        ),
    })
}

fn unit(indicator: IndicatorName, currency: &str) -> String {
    match indicator.unit() {
        Unit::Milliseconds => "ms".to_owned(),
        Unit::Seconds => "s".to_owned(),
        Unit::MoneyPerHour => format!("{currency}/h"),
        Unit::PerSecond => "/s".to_owned(),
        Unit::Share => "share".to_owned(),
        Unit::Count if indicator == IndicatorName::ScaleActions => "changes".to_owned(),
        Unit::Count => "messages".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Sample, records};

    #[test]
    fn the_figures_for_a_dashboard() {
        let comparison = Comparison::from_records(&records()).unwrap();
        insta::assert_snapshot!(dashboard_json(&comparison).unwrap());
    }

    #[test]
    fn what_has_no_number_is_left_out_and_names_stay_text() {
        let mut record = Sample { recovery_s: None, ..Sample::new("A", 1) }.record();
        record.strategy = "\"},\n\u{0}".to_owned();
        let comparison = Comparison::from_records(&[record]).unwrap();
        let json: serde_json::Value =
            serde_json::from_str(&dashboard_json(&comparison).unwrap()).unwrap();
        let names = json.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap());
        let names: Vec<&str> = names.collect();
        assert!(names.contains(&"market-open / \"},\n\u{0} / p99_response"), "{names:?}");
        assert!(
            !names.iter().any(|name| name.ends_with("recovery") || name.ends_with("throughput"))
        );
        assert!(json.as_array().unwrap().iter().all(|entry| entry["value"].is_f64()));
    }
}
