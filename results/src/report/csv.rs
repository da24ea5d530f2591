//! `summary.csv` and `trials.csv`, for spreadsheets and scripts.
//!
//! | column | meaning |
//! |---|---|
//! | `strategy` | the allocation strategy |
//! | `verdict` | `pass`, `inconclusive`, `invalid` or `fail`; in the summary the worst trial's |
//! | `p50_ms`, `p99_ms`, `p999_ms` | quantiles of the response time, in milliseconds |
//! | `throughput_per_s` | distinct results observed per second of load |
//! | `lost`, `duplicated`, `reordered` | messages; in the summary the worst trial's count |
//! | `recovery_s` | the longest recovery from a fault, in seconds |
//! | `worker_seconds` | time that workers were paid for |
//! | `cost` | cost of the workers per hour of load, in `currency` |
//! | `scale_actions` | changes of the replica count |
//! | `repetition`, `seed` | of the trial (`trials.csv` only) |
//! | `steady_p99_ms` | p99 of the response time in the steady phase |
//! | `unexpected`, `missed_sends` | messages; in the summary the worst trial's count |
//! | `currency` | of `cost` |
//! | `scenario` | the scenario's name |
//! | `trial` | the trial's name (`trials.csv` only) |
//! | `trials` | number of trials (`summary.csv` only) |
//! | `…_min`, `…_max` | least and greatest value over the trials (`summary.csv` only) |
//!
//! The summary's values are medians over the trials except where said. A cell is empty where
//! nothing was measured, or the system never recovered. Columns may be added at the end.

use csv::Writer;

use crate::comparison::{Comparison, StrategyRow};
use crate::objectives::{IndicatorName, Unit};

/// The indicators that lead each line, in the order that scripts rely on.
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
const FOLLOWING: [(IndicatorName, &str); 3] = [
    (IndicatorName::SteadyP99Response, "steady_p99_ms"),
    (IndicatorName::Unexpected, "unexpected"),
    (IndicatorName::MissedSends, "missed_sends"),
];

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
    let mut writer = Writer::from_writer(Vec::new());
    let mut headings = headings(&[]);
    headings.push("trials".to_owned());
    for (_, name) in SPREAD {
        headings.push(format!("{name}_min"));
        headings.push(format!("{name}_max"));
    }
    writer.write_record(&headings)?;
    for row in &comparison.rows {
        let value = |indicator| number(indicator, row.summary(indicator).value);
        let mut line = line(row, row.verdict.kind.word(), &[], &value);
        line.push(row.trials.len().to_string());
        for (indicator, _) in SPREAD {
            line.push(number(indicator, row.summary(indicator).min));
            line.push(number(indicator, row.summary(indicator).max));
        }
        writer.write_record(&line)?;
    }
    text(writer)
}

/// `trials.csv`: a line for each trial.
///
/// # Errors
/// Never, since it is written to memory.
pub fn trials(comparison: &Comparison) -> csv::Result<String> {
    let mut writer = Writer::from_writer(Vec::new());
    let mut headings = headings(&["repetition", "seed"]);
    headings.push("trial".to_owned());
    writer.write_record(&headings)?;
    for row in &comparison.rows {
        for (index, trial) in row.trials.iter().enumerate() {
            let value = |indicator| number(indicator, row.summary(indicator).values[index]);
            let identity = [trial.repetition.to_string(), trial.seed.to_string()];
            let mut line = line(row, trial.verdict.word(), &identity, &value);
            line.push(trial.trial.clone());
            writer.write_record(&line)?;
        }
    }
    text(writer)
}

fn headings(identity: &[&str]) -> Vec<String> {
    let mut headings = vec!["strategy", "verdict"];
    headings.extend(LEADING.map(|(_, name)| name));
    headings.extend(identity);
    headings.extend(FOLLOWING.map(|(_, name)| name));
    headings.extend(["currency", "scenario"]);
    headings.into_iter().map(str::to_owned).collect()
}

fn line(
    row: &StrategyRow,
    verdict: &str,
    identity: &[String],
    value: &dyn Fn(IndicatorName) -> String,
) -> Vec<String> {
    let mut line = vec![row.strategy.clone(), verdict.to_owned()];
    line.extend(LEADING.map(|(indicator, _)| value(indicator)));
    line.extend_from_slice(identity);
    line.extend(FOLLOWING.map(|(indicator, _)| value(indicator)));
    line.extend([row.currency.clone(), row.scenario.clone()]);
    line
}

/// A number with as many decimals as were measured: a microsecond, a millionth of money.
fn number(indicator: IndicatorName, value: Option<f64>) -> String {
    let Some(value) = value else {
        return String::new();
    };
    let decimals = if indicator.unit() == Unit::MoneyPerHour { 6 } else { 3 };
    let text = format!("{value:.decimals$}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn text(writer: Writer<Vec<u8>>) -> csv::Result<String> {
    let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
