//! What passes the gate and what does not.

use super::*;
use crate::objectives::IndicatorName;
use crate::record::FaultState;
use crate::sample::{Sample, records};

fn gated(
    records: &[RunRecord],
    bounds: &[(IndicatorName, &str)],
    baseline: Option<&Baseline>,
) -> GateResult {
    let mut objectives = Objectives::new();
    for (indicator, bound) in bounds {
        objectives.set(*indicator, bound).unwrap();
    }
    gate(records, &objectives, baseline, 0.1, &HealthLimits::default()).unwrap()
}

fn line<'a>(result: &'a GateResult, strategy: &str, indicator: &str) -> &'a GateLine {
    let wanted = |line: &&GateLine| line.strategy == strategy && line.indicator == indicator;
    result.lines.iter().find(wanted).unwrap()
}

#[test]
fn a_bound_is_kept_by_the_worst_trial_or_not_at_all() {
    let result = gated(&records(), &[(IndicatorName::P99Response, "< 75ms")], None);
    assert_eq!(result.verdict.kind, VerdictKind::Fail);
    let thrifty = line(&result, "Thrifty", "p99_response");
    assert!(!thrifty.ok);
    assert_eq!(
        thrifty.sentence,
        "The p99 response time was 80.1 ms, outside the bound of < 75ms. \
         (The worst of 2 trials, repetition 2.)"
    );
    assert_eq!(result.verdict.reasons, [format!("Thrifty: {}", thrifty.sentence)]);
    assert!(line(&result, "Swift", "p99_response").ok);
    let result = gated(&records(), &[(IndicatorName::P99Response, "< 60s")], None);
    assert_eq!(result.verdict.kind, VerdictKind::Pass);
}

#[test]
fn a_lower_bound_is_kept_by_the_smallest_value() {
    let mut records = records();
    records[1].indicators.throughput_per_s = 10.0;
    let result = gated(&records, &[(IndicatorName::Throughput, ">= 400/s")], None);
    assert!(!line(&result, "Swift", "throughput").ok);
    assert!(line(&result, "Thrifty", "throughput").ok);
}

#[test]
fn the_verdict_in_a_record_does_not_decide() {
    let mut records = records();
    records[0].verdict = Verdict { kind: VerdictKind::Fail, reasons: Vec::new() };
    assert_eq!(gated(&records, &[], None).verdict.kind, VerdictKind::Pass);
    records[0] = Sample { lost: 1, ..Sample::new("Thrifty", 1) }.record();
    let result = gated(&records, &[], None);
    assert_eq!(result.verdict.kind, VerdictKind::Fail);
    assert!(!line(&result, "Thrifty", "lost").ok);
}

#[test]
fn invalid_trials_are_left_out_and_never_pass() {
    let mut records = records();
    let invalid = Sample { state: FaultState::Skipped, lost: 9, ..Sample::new("Swift", 1) };
    records[1] = invalid.record();
    let result = gated(&records, &[], None);
    assert_eq!(result.verdict.kind, VerdictKind::Invalid);
    assert!(line(&result, "Swift", "lost").ok);
    assert!(result.verdict.reasons[0].starts_with("Swift: Only 1 of 2 trials tested"));
    let fails = gated(&records, &[(IndicatorName::P99Response, "< 1ms")], None);
    assert_eq!(fails.verdict.kind, VerdictKind::Fail);
}

#[test]
fn an_objective_without_a_measurement_is_invalid() {
    let mut records = records();
    records.iter_mut().for_each(|record| record.indicators.cost = None);
    let result = gated(&records, &[(IndicatorName::Cost, "< 1/h")], None);
    assert_eq!(result.verdict.kind, VerdictKind::Invalid);
}

#[test]
fn medians_within_the_tolerance_of_the_baseline_pass() {
    let baseline = Baseline::from_records(&records()).unwrap();
    let result = gated(&records(), &[], Some(&baseline));
    assert_eq!(result.verdict.kind, VerdictKind::Pass, "{:?}", result.verdict.reasons);
    let mut slower = records();
    for record in &mut slower {
        record.indicators.p99_ms = record.indicators.p99_ms.map(|p99_ms| p99_ms * 1.09);
    }
    assert_eq!(gated(&slower, &[], Some(&baseline)).verdict.kind, VerdictKind::Pass);
    for record in &mut slower {
        record.indicators.p99_ms = record.indicators.p99_ms.map(|p99_ms| p99_ms * 1.02);
    }
    let result = gated(&slower, &[], Some(&baseline));
    assert_eq!(result.verdict.kind, VerdictKind::Fail);
    let swift = &result.verdict.reasons[0];
    assert!(swift.starts_with("Swift: The p99 response time was 36.5 ms"), "{swift}");
    assert!(swift.contains("over the baseline's 32.8 ms and its tolerance of 10 %"), "{swift}");
}

#[test]
fn a_recovery_that_is_gone_fails_and_one_second_is_no_difference() {
    let baseline = Baseline::from_records(&records()).unwrap();
    let recovery = |recovery_s: Option<f64>| {
        let mut records = records();
        records.iter_mut().for_each(|record| record.indicators.recovery_s = recovery_s);
        line(&gated(&records, &[], Some(&baseline)), "Swift", "recovery").ok
    };
    assert!(recovery(Some(6.0)));
    assert!(!recovery(Some(6.1)));
    assert!(!recovery(None));
}

#[test]
fn another_machine_is_said_in_the_line() {
    let mut baseline = Baseline::from_records(&records()).unwrap();
    baseline.machine.cpus = 64;
    let result = gated(&records(), &[], Some(&baseline));
    let sentence = result
        .lines
        .iter()
        .find(|line| line.against == Against::Baseline)
        .map(|line| line.sentence.clone())
        .unwrap();
    assert!(sentence.contains("Warning: the baseline was measured on another machine, 64 ×"));
}

#[test]
fn what_cannot_be_compared_is_an_error() {
    let limits = HealthLimits::default();
    let none = Objectives::new();
    assert!(matches!(gate(&[], &none, None, 0.1, &limits), Err(GateError::Records(_))));
    for tolerance in [-0.1, f64::NAN, f64::INFINITY] {
        let result = gate(&records(), &none, None, tolerance, &limits);
        assert!(matches!(result, Err(GateError::Tolerance(_))));
    }
    let mut baseline = Baseline::from_records(&records()).unwrap();
    baseline.digest = "sha256:4567".to_owned();
    let result = gate(&records(), &none, Some(&baseline), 0.1, &limits);
    assert!(matches!(result, Err(GateError::Baseline(BaselineError::OtherScenario { .. }))));
    let mut two = records();
    two[0].scenario.name = "another".to_owned();
    let result = gate(&two, &none, None, 0.1, &limits);
    assert!(matches!(result, Err(GateError::Scenarios(_))));
}
