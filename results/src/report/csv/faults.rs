//! `faults.csv`: a line for each fault of each trial.

use super::{CSV_SCHEMA, file, number, owned, text};
use crate::comparison::groups;
use crate::detection::Detection;
use crate::record::{FaultSpan, RunRecord};
use crate::recovery::{Recovery, SignKind};

const HEADINGS: [&str; 20] = [
    "schema",
    "scenario",
    "strategy",
    "repetition",
    "fault",
    "kind",
    "targets",
    "state",
    "evidence",
    "installed_s",
    "landed_s",
    "healed_s",
    "detection_s",
    "detected_by",
    "restore_s",
    "drain_s",
    "recovery_s",
    "no_progress_share",
    "alarm_s",
    "alarm",
];

/// `faults.csv`: a line for each fault of each trial, by scenario, strategy, repetition and time.
///
/// # Errors
/// Never, since it is written to memory.
pub fn faults(records: &[RunRecord]) -> csv::Result<String> {
    let trials = groups(records).into_iter().flatten();
    file(&owned(&HEADINGS), trials.flat_map(lines))
}

fn lines(trial: &RunRecord) -> Vec<Vec<String>> {
    let detection = Detection::of(&trial.faults, &trial.alarms);
    trial.faults.iter().map(|fault| line(trial, fault, &detection)).collect()
}

fn line(trial: &RunRecord, fault: &FaultSpan, detection: &Detection<'_>) -> Vec<String> {
    let recovery = fault.recovery.as_ref();
    let time = |of: fn(&Recovery) -> Option<f64>| number(recovery.and_then(of), 3);
    let sign = recovery.and_then(|recovery| recovery.detected_by).map_or("", SignKind::words);
    let alarm = detection.first(fault);
    vec![
        CSV_SCHEMA.to_owned(),
        text(&trial.scenario.name),
        text(&trial.strategy),
        trial.repetition.to_string(),
        text(&fault.name),
        text(&fault.kind),
        text(&fault.targets.join(" ")),
        fault.state.word().to_owned(),
        text(&fault.evidence),
        number(fault.installed_s, 3),
        number(fault.landed_s, 3),
        number(fault.healed_s, 3),
        time(|recovery| recovery.detect_s),
        sign.to_owned(),
        time(|recovery| recovery.restore_s),
        time(|recovery| recovery.drain_s),
        time(|recovery| recovery.total_s),
        number(recovery.map(|recovery| recovery.no_progress_share), 4),
        number(alarm.map(|(_, after_s)| after_s), 3),
        text(alarm.map_or("", |(alarm, _)| &alarm.what)),
    ]
}
