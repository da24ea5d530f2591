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
        entry.started_at = format!("2026-01-02T{:02}:{:02}:00Z", number / 60, number % 60);
        entry.program.git_revision = format!("rev-{number}");
        entry.indicators.insert(IndicatorName::P99Response, Some(p99_ms * noise));
        entry
    };
    p99s_ms.iter().enumerate().map(entry).collect()
}

fn judged(entries: &[HistoryEntry]) -> GateResult {
    history(entries, &entries[entries.len() - 1..], &records(), &HistoryRules::default())
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
    assert!(p99.sentence.contains("shows no step over 40 runs"), "{}", p99.sentence);
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
    assert!(reason.contains("with a commit of rev-24..rev-25, since run run-25"), "{reason}");
    let changes = result.history.unwrap().changes;
    let [change] = &changes[..] else { panic!("not one change: {changes:#?}") };
    assert_eq!((change.first_after.as_str(), change.runs_after), ("rev-25", 15));
    assert!(change.is_worse && !change.is_tolerated && change.p_value < 0.01);
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

/// Gives the runs these recoveries, in seconds; `None` is never.
fn recover(entries: &mut [HistoryEntry], recoveries_s: impl Fn(usize) -> Option<f64>) {
    for (number, entry) in entries.iter_mut().enumerate() {
        entry.indicators.insert(IndicatorName::Recovery, recoveries_s(number));
    }
}

#[test]
fn a_run_that_never_recovered_fails() {
    let mut entries = stretches(&[(20, 100.0)]);
    recover(&mut entries, |number| (number < 19).then_some(5.0));
    let result = judged(&entries);
    assert_eq!(result.verdict.kind, VerdictKind::Fail);
    assert!(result.verdict.reasons[0].contains("was not over at the end of the newest run"));
}

#[test]
fn never_to_recover_is_worse_than_any_number_and_no_gap() {
    let mut entries = stretches(&[(40, 100.0)]);
    // Most of the later runs never recovered; the newest did.
    let noise = |number: usize| 5.0 + 0.01 * (number * 7 % 11) as f64;
    recover(&mut entries, |number| (number < 25 || number % 5 == 4).then_some(noise(number)));
    let result = judged(&entries);
    assert_eq!(result.verdict.kind, VerdictKind::Fail, "{:?}", result.verdict.reasons);
    let reason = &result.verdict.reasons[0];
    assert!(reason.contains("for the worse, up from 5.0"), "{reason}");
    assert!(reason.contains("s to never with a commit of rev-24..rev-25"), "{reason}");
    // Where nobody ever recovered, nothing became worse.
    recover(&mut entries, |_| None);
    let result = judged(&entries);
    assert_eq!(result.verdict.kind, VerdictKind::Pass, "{:?}", result.verdict.reasons);
    // Without a fault there is nothing to recover from.
    for entry in &mut entries {
        entry.indicators.remove(&IndicatorName::NoProgress);
    }
    let lines = judged(&entries).lines;
    assert!(!lines.iter().any(|line| line.indicator == "recovery"));
}

#[test]
fn many_small_steps_add_up_to_one_that_fails() {
    let entries = stretches(&[(40, 100.0), (30, 108.0), (40, 116.0)]);
    let rules = HistoryRules { tolerance: 0.1, ..HistoryRules::default() };
    let result = history(&entries, &entries[109..], &records(), &rules);
    assert_eq!(result.verdict.kind, VerdictKind::Fail, "{:?}", result.verdict.reasons);
    let reason = &result.verdict.reasons[0];
    assert!(reason.contains("in 2 steps since its best level"), "{reason}");
    // Better than the worst, and still worse than the best.
    let result = judged(&stretches(&[(25, 100.0), (25, 130.0), (25, 120.0)]));
    assert_eq!(result.verdict.kind, VerdictKind::Fail, "{:?}", result.verdict.reasons);
    assert!(result.verdict.reasons[0].contains("rev-24..rev-25"));
}

#[test]
fn a_later_step_that_may_be_chance_hides_no_earlier_one() {
    let entries = stretches(&[(30, 100.0), (30, 130.0), (30, 130.0)]);
    let change = judged(&entries).history.unwrap().changes.remove(0);
    assert_eq!((change.first_after.as_str(), change.steps), ("rev-30", 1));
}

#[test]
fn a_newest_run_is_judged_by_itself_as_well() {
    let entries = stretches(&[(40, 100.0)]);
    let newest = &entries[39..];
    let mut records = records();
    records[0].health.spoiled = vec!["Interrupted.".to_owned()];
    let judged = |records: &[RunRecord]| {
        history(&entries, newest, records, &HistoryRules::default()).verdict
    };
    let verdict = judged(&records);
    assert_eq!(verdict.kind, VerdictKind::Invalid, "{:?}", verdict.reasons);
    assert!(verdict.reasons[0].contains("Only 1 of 2 trials"), "{:?}", verdict.reasons);
    // One trial of two loses messages: no median hides it.
    records[1].delivery.lost = 3;
    let verdict = judged(&records);
    assert_eq!(verdict.kind, VerdictKind::Fail, "{:?}", verdict.reasons);
    assert!(verdict.reasons[0].contains("3 of 10,000 acknowledged"), "{:?}", verdict.reasons);
}

#[test]
fn runs_count_by_their_start_and_up_to_the_judged_one() {
    let entries = stretches(&[(25, 100.0), (15, 130.0)]);
    let mut shuffled = entries.clone();
    shuffled.reverse();
    let of = |newest: usize, file: &[HistoryEntry]| {
        history(file, &entries[newest..=newest], &records(), &HistoryRules::default())
    };
    assert_eq!(of(39, &shuffled).verdict, judged(&entries).verdict);
    // What came after run 24 is not its fault, be it in the file or not.
    let before_the_step = of(24, &shuffled);
    assert_eq!(before_the_step.verdict.kind, VerdictKind::Pass);
    shuffled.retain(|entry| entry.run != "run-24");
    assert_eq!(of(24, &shuffled), before_the_step);
}

#[test]
fn revisions_that_tell_no_commit_make_no_range() {
    let mut entries = stretches(&[(25, 100.0), (15, 130.0)]);
    let mut said = |before: &str, after: &str| {
        for (number, entry) in entries.iter_mut().enumerate() {
            let revision = if number < 25 { before } else { after };
            entry.program.git_revision = revision.to_owned();
        }
        judged(&entries).verdict.reasons.remove(0)
    };
    assert!(said("a1", "b2").contains("with a commit of a1..b2"));
    assert!(said("a1", "a1").contains("with no change of the program (a1)"));
    for (before, after) in [("unknown", "unknown"), ("a1-dirty", "a1-dirty"), ("a1", "")] {
        let said = said(before, after);
        assert!(said.contains("which are not both commits"), "{said}");
    }
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
