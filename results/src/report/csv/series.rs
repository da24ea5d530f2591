//! `series.csv`: a line for each second of each trial.

use super::{CSV_SCHEMA, file, number, owned, text};
use crate::comparison::groups;
use crate::record::RunRecord;
use crate::series::{SeriesRow, intervals};

const HEADINGS: [&str; 20] = [
    "schema",
    "scenario",
    "strategy",
    "repetition",
    "t_s",
    "phase",
    "faults",
    "offered_per_s",
    "achieved_per_s",
    "observed_per_s",
    "response_p50_ms",
    "response_p99_ms",
    "response_max_ms",
    "service_p99_ms",
    "lag_records",
    "replicas",
    "desired_replicas",
    "ready_replicas",
    "demand_replicas",
    "cpu_share",
];

/// `series.csv`: a line for each second of each trial, by scenario, strategy, repetition and time.
///
/// # Errors
/// Never, since it is written to memory.
pub fn series(records: &[RunRecord]) -> csv::Result<String> {
    let trials = groups(records).into_iter().flatten();
    let rows = trials.flat_map(|trial| {
        intervals(&trial.series).map(move |(start_s, row)| line(trial, row, start_s))
    });
    file(&owned(&HEADINGS), rows)
}

/// The line of an interval that starts at `start_s`.
fn line(trial: &RunRecord, row: &SeriesRow, start_s: f64) -> Vec<String> {
    let middle_s = f64::midpoint(start_s, row.t_s);
    let mut line = vec![CSV_SCHEMA.to_owned(), text(&trial.scenario.name), text(&trial.strategy)];
    line.push(trial.repetition.to_string());
    line.push(number(Some(row.t_s), 3));
    line.extend([text(phase(trial, middle_s)), text(&faults(trial, start_s, row.t_s))]);
    line.extend([row.offered, row.achieved, row.observed].map(|rate| number(Some(rate), 3)));
    let times = [row.response_p50_ms, row.response_p99_ms, row.response_max_ms, row.service_p99_ms];
    line.extend(times.map(|ms| number(ms, 3)));
    line.push(row.lag_records.map_or_else(String::new, |lag| lag.to_string()));
    let workers = [row.replicas, row.desired_replicas, row.ready_replicas];
    line.extend(workers.map(|count| count.to_string()));
    line.extend([row.demand_replicas, row.cpu_share].map(|amount| number(amount, 3)));
    line
}

fn phase(trial: &RunRecord, at_s: f64) -> &str {
    let mut phases = trial.phases.iter();
    phases.find(|phase| phase.start_s <= at_s && at_s < phase.end_s).map_or("", |phase| &phase.name)
}

/// The faults in place at any time of an interval.
fn faults(trial: &RunRecord, start_s: f64, end_s: f64) -> String {
    let in_place = trial.faults.iter().filter(|fault| fault.was_in_place(start_s, end_s));
    in_place.map(|fault| fault.name.as_str()).collect::<Vec<_>>().join(";")
}
