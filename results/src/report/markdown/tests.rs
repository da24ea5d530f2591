//! What the report says, and that nothing in a record can change how it reads.

use super::*;
use crate::record::FaultState;
use crate::sample::{Sample, records};
use crate::verdict::Verdict;

fn report(records: &[RunRecord]) -> String {
    let comparison = Comparison::from_records(records).unwrap();
    markdown(&comparison, records, &[("summary.csv", "a line for each strategy")])
}

#[test]
fn the_verdict_is_in_the_first_line() {
    let mut records = records();
    assert!(report(&records).starts_with("# PASS: market-open, 2 strategies, 4 trials\n"));
    records[0].verdict =
        Verdict { kind: VerdictKind::Fail, reasons: vec!["It was slow.".to_owned()] };
    let text = report(&records);
    assert!(text.starts_with("# FAIL: market-open, 2 strategies, 4 trials\n"));
    assert!(text.contains("- Thrifty: Repetition 1: It was slow.\n"));
}

#[test]
fn what_may_be_noise_is_said_to_be() {
    let trial = |strategy, repetition, response_us| {
        Sample { response_us, ..Sample::new(strategy, repetition) }.record()
    };
    let records =
        [trial("A", 1, 8_000), trial("A", 2, 12_000), trial("B", 1, 9_000), trial("B", 2, 14_000)];
    let text = report(&records);
    assert!(
        text.contains(" under B (95 %: 0.") && text.contains("), which may be noise."),
        "{text}"
    );
    assert!(text.contains("The cost was 0.1200 USD/h under A and B alike"), "{text}");
}

#[test]
fn trials_without_recovery_or_fault_are_said() {
    let text = report(&[
        Sample { recovery_s: None, ..Sample::new("A", 1) }.record(),
        Sample::new("A", 2).record(),
        Sample { state: FaultState::Skipped, ..Sample::new("B", 1) }.record(),
    ]);
    assert!(text.contains("Under A, the system did not recover in 1 of 2 trials."), "{text}");
    assert!(text.contains("never (never, 5.00 s)"), "{text}");
    assert!(text.contains("| 2 of 3 |"), "{text}");
    assert!(text.contains("skipped: the environment has no nodes"), "{text}");
}

#[test]
fn names_from_files_stay_text() {
    let mut record = Sample::new("A", 1).record();
    record.strategy = "<script>|`x`\n# PASS".to_owned();
    record.faults[0].evidence = "a | b\n\n## forged".to_owned();
    record.replay = "run\n# forged".to_owned();
    let text = report(&[record]);
    // Between fences, text is code and shows as itself.
    let prose: String = text.split("```").step_by(2).collect();
    assert!(!prose.contains("<script>"));
    assert!(!text.lines().any(|line| line.starts_with("## forged")));
    let titles = text.lines().filter(|line| line.starts_with("# ")).count();
    assert_eq!(titles, 1);
}

#[test]
fn scenarios_of_a_suite_have_sections_of_their_own() {
    let mut other = Sample::new("A", 1).record();
    other.scenario.name = "calm".to_owned();
    let text = report(&[Sample::new("A", 1).record(), other]);
    assert!(text.starts_with("# PASS: market-open and calm, 1 strategy, 2 trials\n"));
    assert!(
        text.contains("## Comparison: market-open\n") && text.contains("<summary>Faults: calm<")
    );
}
