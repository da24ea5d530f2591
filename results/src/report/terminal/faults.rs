//! The faults of each strategy for a terminal: detected, recovered from, and without progress.

use super::{printable, render};
use crate::comparison::groups;
use crate::detection::Detection;
use crate::record::{FaultSpan, FaultState, RunRecord};
use crate::recovery::Recovery;
use crate::report::format::{ABSENT, seconds, share};

/// A row for each fault of each trial; nothing where no fault was scheduled.
pub fn faults_table(records: &[RunRecord]) -> Option<String> {
    let headings =
        ["trial", "fault", "kind", "state", "detected", "recovery", "no progress", "alarm"];
    let mut cells = vec![headings.map(str::to_owned).to_vec()];
    for trial in groups(records).into_iter().flatten() {
        let detection = Detection::of(&trial.faults, &trial.alarms);
        cells.extend(trial.faults.iter().map(|fault| line(trial, fault, &detection)));
    }
    (cells.len() > 1).then(|| render(&cells))
}

fn line(trial: &RunRecord, fault: &FaultSpan, detection: &Detection<'_>) -> Vec<String> {
    let recovery = fault.recovery.as_ref().filter(|_| fault.state == FaultState::Landed);
    let known = |of: fn(&Recovery) -> String| recovery.map_or(ABSENT.to_owned(), of);
    let alarm = detection.first(fault);
    vec![
        printable(&trial.trial),
        printable(&fault.name),
        printable(&fault.kind),
        fault.state.word().to_owned(),
        known(|recovery| recovery.detect_s.map_or("no sign".to_owned(), seconds)),
        known(|recovery| recovery.total_s.map_or("never".to_owned(), seconds)),
        known(|recovery| share(recovery.no_progress_share)),
        alarm.map_or(ABSENT.to_owned(), |(_, after_s)| seconds(after_s)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detection::Alarm;
    use crate::sample::Sample;

    #[test]
    fn each_fault_has_a_line_with_its_times() {
        let mut record = Sample::new("A", 1).record();
        let at_s = record.faults[0].installed_s.unwrap() + 1.5;
        record.alarms = vec![Alarm { at_s, what: "Ready=False".to_owned() }];
        let table = faults_table(std::slice::from_ref(&record)).unwrap();
        let line = table.lines().find(|line| line.contains(&record.faults[0].name)).unwrap();
        assert!(line.contains("landed") && line.contains("1.50 s"), "{table}");
        record.faults.clear();
        assert_eq!(faults_table(&[record]), None);
    }
}
