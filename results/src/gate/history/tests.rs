//! What a history passes and fails, and what it says.

use super::*;
use crate::sample::records;

/// Runs whose p99 is as given, in milliseconds, give or take 1 %; each by a revision of its own.
fn runs(p99s_ms: &[f64]) -> Vec<HistoryEntry> {
    let known = HistoryEntry::of_run(&records()).unwrap().remove(0);
    let entry = |(number, p99_ms): (usize, &f64)| {
        let noise = [1.0, 1.008, 0.993, 1.004, 0.99, 1.009, 0.997][number * number % 7];
        let mut entry = known.clone();
        entry.run = format!("run-{number}");
        entry.program.git_revision = format!("rev-{number}");
        entry.indicators.insert(IndicatorName::P99Response, Some(p99_ms * noise));
        entry
    };
    p99s_ms.iter().enumerate().map(entry).collect()
}

fn judged(entries: &[HistoryEntry]) -> GateResult {
    history(entries, &entries[entries.len() - 1..], &HistoryRules::default())
}

fn stretches(stretches: &[(usize, f64)]) -> Vec<HistoryEntry> {
    let values = stretches.iter().flat_map(|(count, value)| std::iter::repeat_n(*value, *count));
    runs(&values.collect::<Vec<_>>())
}

#[test]
fn a_history_without_a_change_passes() {
    let result = judged(&stretches(&[(40, 100.0)]));
    assert_eq!(result.verdict.kind, VerdictKind::Pass, "{:?}", result.verdict.reasons);
    let p99 = result.lines.iter().find(|line| line.indicator == "p99_response").unwrap();
    assert!(p99.sentence.contains("shows no change over 40 runs"), "{}", p99.sentence);
}

#[test]
fn a_step_up_fails_and_names_the_commits_between_which_it_entered() {
    let result = judged(&stretches(&[(25, 100.0), (15, 130.0)]));
    assert_eq!(result.verdict.kind, VerdictKind::Fail);
    let reason = &result.verdict.reasons[0];
    assert!(
        reason.contains("changed for the worse, up from 99.3 ms to 129 ms (+30 %)"),
        "{reason}"
    );
    assert!(reason.contains("between revisions rev-24 and rev-25, since run run-25"), "{reason}");
    let changes = result.history.unwrap().changes;
    let [change] = &changes[..] else { panic!("not one change: {changes:#?}") };
    assert_eq!((change.first_after.as_str(), change.runs_after), ("rev-25", 15));
    assert!(change.is_worse && change.is_significant && change.p_value < 0.01);
}

#[test]
fn a_step_down_is_reported_as_better_and_passes() {
    let result = judged(&stretches(&[(25, 100.0), (15, 70.0)]));
    assert_eq!(result.verdict.kind, VerdictKind::Pass);
    assert!(result.verdict.reasons[0].contains("changed for the better, down"));
}

#[test]
fn what_became_worse_and_better_again_passes() {
    let result = judged(&stretches(&[(20, 100.0), (15, 130.0), (15, 100.0)]));
    assert_eq!(result.verdict.kind, VerdictKind::Pass, "{:?}", result.verdict.reasons);
}

#[test]
fn a_step_within_the_tolerance_is_said_and_passes() {
    let result = judged(&stretches(&[(25, 100.0), (25, 104.0)]));
    assert_eq!(result.verdict.kind, VerdictKind::Pass, "{:?}", result.verdict.reasons);
    assert!(result.verdict.reasons[0].contains("which is tolerated"));
}

#[test]
fn too_few_runs_and_runs_of_other_machines_say_nothing() {
    let result = judged(&stretches(&[(HISTORY_RUNS_MIN - 1, 100.0)]));
    assert_eq!(result.verdict.kind, VerdictKind::Inconclusive);
    let wanted = format!("it takes {HISTORY_RUNS_MIN} comparable runs, and there are ");
    assert!(result.verdict.reasons[0].contains(&wanted), "{:?}", result.verdict.reasons);
    let mut entries = stretches(&[(40, 100.0)]);
    entries[..30].iter_mut().for_each(|entry| entry.machine.cpus = 64);
    assert_eq!(judged(&entries).verdict.kind, VerdictKind::Inconclusive);
}

#[test]
fn a_run_that_never_recovered_fails() {
    let mut entries = stretches(&[(20, 100.0)]);
    entries[19].indicators.insert(IndicatorName::Recovery, None);
    let result = judged(&entries);
    assert_eq!(result.verdict.kind, VerdictKind::Fail);
    assert!(result.verdict.reasons[0].contains("was not over at the end of the newest run"));
}

#[test]
fn less_throughput_is_worse() {
    let mut entries = stretches(&[(40, 100.0)]);
    for (number, entry) in entries.iter_mut().enumerate() {
        let p99_ms = entry.indicators[&IndicatorName::P99Response].unwrap();
        let level = if number < 25 { 5.0 } else { 3.0 };
        entry.indicators.insert(IndicatorName::Throughput, Some(p99_ms * level));
    }
    let result = judged(&entries);
    assert_eq!(result.verdict.kind, VerdictKind::Fail);
    assert!(result.verdict.reasons[0].contains("throughput changed for the worse, down"));
}
