//! `series.csv`: a line for each second of each trial.

use super::{CSV_SCHEMA, file, number, owned, text};
use crate::comparison::groups;
use crate::record::{FaultState, RunRecord};
use crate::series::SeriesRow;

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
        let starts = std::iter::once(None).chain(trial.series.iter().map(|row| Some(row.t_s)));
        trial.series.iter().zip(starts).map(move |(row, start)| line(trial, row, start))
    });
    file(&owned(&HEADINGS), rows)
}

/// The line of an interval that starts at `start_s`: where the one before ended, or unknown.
fn line(trial: &RunRecord, row: &SeriesRow, start_s: Option<f64>) -> Vec<String> {
    let middle_s = row.t_s - (row.t_s - start_s.unwrap_or(row.t_s - 1.0)) / 2.0;
    let mut line = vec![CSV_SCHEMA.to_owned(), text(&trial.scenario.name), text(&trial.strategy)];
    line.push(trial.repetition.to_string());
    line.push(number(Some(row.t_s), 3));
    line.extend([text(phase(trial, middle_s)), text(&faults(trial, row.t_s, start_s))]);
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
fn faults(trial: &RunRecord, end_s: f64, start_s: Option<f64>) -> String {
    let start_s = start_s.unwrap_or(end_s - 1.0);
    let landed = trial.faults.iter().filter(|fault| fault.state == FaultState::Landed);
    let in_place = landed.filter(|fault| {
        fault.landed_s.is_some_and(|landed_s| landed_s < end_s)
            && fault.healed_s.is_none_or(|healed_s| healed_s > start_s)
    });
    in_place.map(|fault| fault.name.as_str()).collect::<Vec<_>>().join(";")
}
