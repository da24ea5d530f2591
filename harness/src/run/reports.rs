//! The reports of a run: which files there are, and how to write or print them.

use crate::exit::Failure;
use crate::scenario::ScenarioSpec;
use results::file::write_atomic;
use results::{Comparison, GateResult, HealthLimits, RunRecord, report};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// The files of a run beside its reports, each with what it holds.
const FILES: [(&str, &str); 13] = [
    ("report.html", "this report as a page with pictures"),
    ("summary.csv", "a row a strategy"),
    ("trials.csv", "a row a trial"),
    ("faults.csv", "a row a fault of each trial"),
    ("series.csv", "a row a second of each trial"),
    ("history.csv", "the run in one row, to append to those of earlier runs"),
    ("junit.xml", "everything held against a strategy, as test results"),
    ("dashboard.json", "figures for dashboards of benchmarks"),
    ("metrics.txt", "figures as OpenMetrics text"),
    ("records/", "everything a trial found, a file each"),
    ("journal.jsonl", "every fault and process, written before it happens"),
    ("scenarios/", "the scenarios as they were run"),
    ("trials/", "logs of operator and workers and the distribution of response times, by trial"),
];

/// Width of tables where standard output is no terminal.
const WIDTH: usize = 160;

/// Writes `report.md`, `report.html` and every file beside it that is made of records.
///
/// # Errors
/// When the records do not belong together, a trial's name is no name for a folder, or the disk
/// refuses.
pub fn write(directory: &Path, records: &[RunRecord]) -> Result<(), Failure> {
    let comparison = Comparison::from_records(records).map_err(Failure::usage)?;
    let dashboard = report::dashboard_json(&comparison).map_err(Failure::internal)?;
    let files = [
        ("summary.csv", report::csv::summary(&comparison).map_err(Failure::internal)?),
        ("trials.csv", report::csv::trials(records).map_err(Failure::internal)?),
        ("faults.csv", report::csv::faults(records).map_err(Failure::internal)?),
        ("series.csv", report::csv::series(records).map_err(Failure::internal)?),
        ("history.csv", report::csv::history(&comparison, records).map_err(Failure::internal)?),
        ("junit.xml", junit(&comparison, records)?),
        ("dashboard.json", dashboard),
        ("metrics.txt", report::openmetrics(records)),
        ("report.md", markdown(&comparison, records)),
        ("report.html", html(&comparison, records)?),
    ];
    for (name, text) in files {
        write_atomic(&directory.join(name), text.as_bytes()).map_err(Failure::not_ready)?;
    }
    for record in records {
        let folder = directory.join("trials").join(folder_name(&record.trial)?);
        std::fs::create_dir_all(&folder).map_err(|error| {
            Failure::not_ready(anyhow::anyhow!("cannot create {}: {error}", folder.display()))
        })?;
        let response = record.response.decode().map_err(Failure::usage)?;
        write_atomic(&folder.join("response.hgrm"), report::hgrm(&response).as_bytes())
            .map_err(Failure::not_ready)?;
    }
    Ok(())
}

/// The trial's name, if it names a folder: it comes from a file, and must not lead elsewhere.
fn folder_name(trial: &str) -> Result<PathBuf, Failure> {
    let mut parts = Path::new(trial).components();
    match (parts.next(), parts.next()) {
        (Some(Component::Normal(name)), None) if name.len() == trial.len() => {
            Ok(PathBuf::from(name))
        }
        _ => Err(Failure::usage(anyhow::anyhow!(
            "record {trial:?}: trial: is no name of a folder, such as smoke-low_latency-1"
        ))),
    }
}

/// Everything that each scenario holds against each strategy, as JUnit XML.
///
/// # Errors
/// When a record does not carry its scenario.
pub fn junit(comparison: &Comparison, records: &[RunRecord]) -> Result<String, Failure> {
    let held: Vec<(&str, GateResult)> = comparison
        .scenarios()
        .into_iter()
        .map(|scenario| Ok((scenario, held_against(scenario, records)?)))
        .collect::<Result<_, Failure>>()?;
    let suites: Vec<(&str, &GateResult)> =
        held.iter().map(|(scenario, result)| (*scenario, result)).collect();
    report::junit(&suites).map_err(Failure::internal)
}

/// The trials of one scenario against its own objectives.
fn held_against(scenario: &str, records: &[RunRecord]) -> Result<GateResult, Failure> {
    let own = |record: &&RunRecord| record.scenario.name == scenario;
    let own: Vec<RunRecord> = records.iter().filter(own).cloned().collect();
    let objectives = match own.first() {
        Some(record) => scenario_of(record)?.objectives,
        None => results::Objectives::default(),
    };
    results::gate(&own, &objectives, None, 0.0, &HealthLimits::default()).map_err(Failure::usage)
}

/// The scenario that a record carries.
///
/// # Errors
/// When it is not the text of one.
pub fn scenario_of(record: &RunRecord) -> Result<ScenarioSpec, Failure> {
    serde_saphyr::from_str(&record.scenario.yaml).map_err(|error| {
        Failure::usage(anyhow::anyhow!("{}: its scenario cannot be read: {error}", record.trial))
    })
}

/// The comparison as a table that fits the terminal.
pub fn table(comparison: &Comparison, records: &[RunRecord]) -> String {
    let columns = rustix::termios::tcgetwinsize(std::io::stdout()).map(|size| size.ws_col);
    let width = columns.ok().filter(|columns| *columns > 0).map_or(WIDTH, usize::from);
    let table = report::table(comparison, width);
    report::faults_table(records).map(|faults| format!("{table}\n{faults}")).unwrap_or(table)
}

/// The comparison as markdown.
pub fn markdown(comparison: &Comparison, records: &[RunRecord]) -> String {
    report::markdown(comparison, records, &FILES)
}

/// The comparison as a page.
///
/// # Errors
/// When a record does not carry its scenario.
pub fn html(comparison: &Comparison, records: &[RunRecord]) -> Result<String, Failure> {
    let mut objectives_ms = BTreeMap::new();
    for record in records {
        let name = &record.scenario.name;
        if !objectives_ms.contains_key(name) {
            let objective = scenario_of(record)?.job.objectives.p99_latency;
            objectives_ms.insert(name.clone(), objective.as_secs_f64() * 1e3);
        }
    }
    Ok(report::html(comparison, records, &objectives_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trials_name_that_leads_elsewhere_is_refused() {
        assert!(folder_name("smoke-low_latency-1").is_ok());
        for name in ["../x", "/etc", "a/b", "", ".", "..", "a/"] {
            assert!(folder_name(name).is_err(), "{name}");
        }
    }
}
