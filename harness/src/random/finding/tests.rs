use super::*;
use crate::scenario::builtin;
use crate::scenario::validated::{Overrides, ValidatedScenario};
use results::{FaultState, Guarantee};

fn spec() -> ScenarioSpec {
    let text = builtin::scenario("smoke").unwrap();
    ValidatedScenario::parse("smoke", text, &Overrides::default()).unwrap().spec
}

/// Healed at 10 s.
fn fault() -> FaultSpan {
    FaultSpan {
        name: "it".to_owned(),
        kind: "node_crash".to_owned(),
        targets: Vec::new(),
        due_s: 8.0,
        installed_s: Some(8.0),
        landed_s: None,
        healed_s: Some(10.0),
        state: FaultState::Indeterminate,
        evidence: String::new(),
        recovery: None,
    }
}

/// A row a second, slow in these.
fn series(seconds: u32, slow: std::ops::Range<u32>) -> Vec<SeriesRow> {
    let row = |second: u32| SeriesRow {
        t_s: f64::from(second),
        offered: 1_500.0,
        observed: 1_500.0,
        response_p99_ms: Some(if slow.contains(&second) { 9_000.0 } else { 20.0 }),
        lag_records: Some(10),
        ..SeriesRow::default()
    };
    (1..=seconds).map(row).collect()
}

fn told(faults: &[FaultSpan], series: &[SeriesRow]) -> String {
    format!("{:?}", liveness(faults, series, &spec()))
}

#[test]
fn after_the_last_healing_the_system_has_its_objective_to_recover_in() {
    let told = |seconds, slow| told(&[fault()], &series(seconds, slow));
    assert!(told(20, 9..13).starts_with("Kept(\"The system recovered by itself 2.00 s after"));
    assert!(told(20, 3..9).starts_with("Kept(\"The system recovered by itself 0 s after"));
    assert!(told(20, 9..18).starts_with("Late(\"The system took 7.00 s to recover"));
    assert!(told(20, 9..30).starts_with("Late(\"The system had not recovered by the end"));
    assert!(told(13, 9..30).starts_with("Unknown(\"Whether the system recovers cannot be told"));
}

#[test]
fn without_a_fault_there_is_nothing_to_recover_from() {
    let skipped = FaultSpan { installed_s: None, healed_s: None, ..fault() };
    assert_eq!(told(&[skipped], &series(9, 0..9)), "Kept(\"No fault was installed.\")");
}

#[test]
fn what_was_broken_is_told_by_the_guarantee_and_by_the_objectives() {
    let delivery = |guarantee| Delivery {
        planned: 9,
        sent: 9,
        acknowledged: 9,
        failed: 0,
        unknown: 0,
        observed: 8,
        lost: 1,
        duplicated: 2,
        reordered: 0,
        unexpected: 0,
        lost_examples: Vec::new(),
        guarantee,
        audit: None,
    };
    let broken = |guarantee, spec: &ScenarioSpec| {
        let indicators = Indicators { duplicated: 2, lost: 1, ..Indicators::default() };
        Vec::from_iter(unsafe_by(&delivery(guarantee), &indicators, spec))
    };
    let mut spec = spec();
    spec.objectives = serde_json::from_str("{}").unwrap();
    assert_eq!(broken(Guarantee::AtLeastOnce, &spec), ["lost"]);
    assert_eq!(broken(Guarantee::ExactlyOnce, &spec), ["duplicated", "lost"]);
    assert_eq!(broken(Guarantee::AtMostOnce, &spec), ["duplicated"]);
    spec.objectives = serde_json::from_str("{\"duplicated\": \"<= 1\"}").unwrap();
    assert_eq!(broken(Guarantee::AtLeastOnce, &spec), ["duplicated", "lost"]);
}
