//! What makes a trial pass, fail or say nothing.

use super::*;
use crate::objectives::IndicatorName;
use crate::record::{Guarantee, RunRecord, SourceAudit};
use crate::sample::Sample;

fn objectives(bounds: &[(IndicatorName, &str)]) -> Objectives {
    let mut objectives = Objectives::new();
    for (indicator, bound) in bounds {
        objectives.set(*indicator, bound).unwrap();
    }
    objectives
}

fn judged(record: &RunRecord, bounds: &[(IndicatorName, &str)]) -> Verdict {
    judge(record.evidence(), &objectives(bounds), &HealthLimits::default())
}

fn the_only_reason(verdict: &Verdict, kind: VerdictKind) -> &str {
    assert_eq!(verdict.kind, kind, "{:?}", verdict.reasons);
    assert_eq!(verdict.reasons.len(), 1, "{:?}", verdict.reasons);
    &verdict.reasons[0]
}

#[test]
fn a_trial_that_keeps_every_bound_passes_and_says_so() {
    let record = Sample::new("A", 1).record();
    let bounds = [(IndicatorName::P99Response, "< 100ms"), (IndicatorName::Recovery, "< 15s")];
    let verdict = judged(&record, &bounds);
    assert_eq!(verdict.kind, VerdictKind::Pass);
    assert_eq!(
        verdict.reasons,
        [
            "None of 10,000 acknowledged messages were lost, as \"at least once\" demands.",
            "No results were reordered, as \"at least once\" demands.",
            "No results belong to messages that were never sent, as \"at least once\" demands.",
            "The p99 response time was 32.0 ms, within the bound of < 100ms.",
            "The longest recovery was 5.00 s, within the bound of < 15s.",
        ]
    );
}

#[test]
fn each_exceeded_objective_is_a_reason_with_value_and_bound() {
    let record = Sample::new("A", 1).record();
    let bounds = [
        (IndicatorName::P99Response, "< 10ms"),
        (IndicatorName::Cost, "< 0.01/h"),
        (IndicatorName::Throughput, ">= 400/s"),
    ];
    let verdict = judged(&record, &bounds);
    assert_eq!(verdict.kind, VerdictKind::Fail);
    assert_eq!(
        verdict.reasons,
        [
            "The p99 response time was 32.0 ms, outside the bound of < 10ms.",
            "The cost was 0.1200 USD/h, outside the bound of < 0.01/h.",
        ]
    );
}

#[test]
fn the_guarantee_fails_a_trial_without_any_objective() {
    let record = Sample { lost: 2, ..Sample::new("A", 1) }.record();
    assert_eq!(
        the_only_reason(&judged(&record, &[]), VerdictKind::Fail),
        "2 of 10,000 acknowledged messages were lost (for example key 3, sequence 0); \
         \"at least once\" allows none."
    );
}

#[test]
fn a_loss_is_shared_between_brokers_and_job_where_the_log_was_read() {
    let mut record = Sample { lost: 3, ..Sample::new("A", 1) }.record();
    record.delivery.audit = Some(SourceAudit { absent: 2, absent_and_lost: 2 });
    let verdict = judged(&record, &[]);
    let reason = the_only_reason(&verdict, VerdictKind::Fail);
    assert!(reason.contains(", 2 of them by the brokers; "), "{reason}");
    assert!(!record.delivery.audit.is_some_and(|audit| audit.explains(3)));
    assert!(record.delivery.audit.is_some_and(|audit| audit.explains(2)));
}

#[test]
fn each_guarantee_forbids_its_own() {
    let kinds = |guarantee, lost, duplicated| {
        let mut record = Sample { lost, duplicated, ..Sample::new("A", 1) }.record();
        record.delivery.guarantee = guarantee;
        judged(&record, &[]).kind
    };
    assert_eq!(kinds(Guarantee::AtLeastOnce, 0, 3), VerdictKind::Pass);
    assert_eq!(kinds(Guarantee::ExactlyOnce, 0, 3), VerdictKind::Fail);
    assert_eq!(kinds(Guarantee::AtMostOnce, 3, 0), VerdictKind::Pass);
    assert_eq!(kinds(Guarantee::AtMostOnce, 0, 3), VerdictKind::Fail);
    for guarantee in [Guarantee::AtMostOnce, Guarantee::AtLeastOnce, Guarantee::ExactlyOnce] {
        let mut record = Sample::new("A", 1).record();
        record.delivery.guarantee = guarantee;
        record.delivery.reordered = 1;
        assert_eq!(judged(&record, &[]).kind, VerdictKind::Fail);
        record.delivery.reordered = 0;
        record.delivery.unexpected = 1;
        assert_eq!(judged(&record, &[]).kind, VerdictKind::Fail);
    }
}

#[test]
fn a_fault_that_did_not_land_makes_even_a_failing_trial_invalid() {
    let record = Sample { state: FaultState::Skipped, lost: 1, ..Sample::new("A", 1) }.record();
    assert_eq!(
        the_only_reason(&judged(&record, &[]), VerdictKind::Invalid),
        "The fault node-lost (node_crash) was skipped: the environment has no nodes."
    );
    let record = Sample { state: FaultState::Indeterminate, ..Sample::new("A", 1) }.record();
    assert_eq!(judged(&record, &[]).kind, VerdictKind::Invalid);
}

#[test]
fn an_unwell_harness_makes_a_trial_invalid() {
    type Spoil = fn(&mut RunRecord);
    let cases: [(Spoil, &str); 9] = [
        (|record| record.health.missed_sends = 101, "missed 101 of 10,000 sends"),
        (|record| record.health.dispatch_error_p99_us = 20_001, "dispatch error was 20.0 ms"),
        (|record| record.health.negative_latencies = 1, "1 response times were below zero"),
        (|record| record.health.overflow_latencies = 1, "exceeded one hour"),
        (|record| record.health.checks.skipped = Some(3), "3 offsets of the result topic were"),
        (|record| record.health.checks.rewound = 2, "2 offsets of the result topic were read"),
        (|record| record.health.checks.misstamped = 1, "1 results were misstamped"),
        (|record| record.health.checks.unrecorded = 1, "1 response times were left unrecorded"),
        (|record| record.delivery.observed = 0, "No result was observed, of 10,000"),
    ];
    for (spoil, part) in cases {
        let mut record = Sample::new("A", 1).record();
        spoil(&mut record);
        let verdict = judged(&record, &[]);
        let reason = the_only_reason(&verdict, VerdictKind::Invalid);
        assert!(reason.contains(part), "{reason}");
    }
    let mut record = Sample::new("A", 1).record();
    record.health.missed_sends = 100;
    record.health.dispatch_error_p99_us = 20_000;
    assert_eq!(judged(&record, &[]).kind, VerdictKind::Pass);
}

#[test]
fn no_recovery_fails_but_nothing_to_recover_from_is_invalid() {
    let bounds = [(IndicatorName::Recovery, "< 15s")];
    let mut record = Sample { recovery_s: None, ..Sample::new("A", 1) }.record();
    assert_eq!(
        the_only_reason(&judged(&record, &bounds), VerdictKind::Fail),
        "The system did not recover before the trial ended; the bound is < 15s."
    );
    record.faults.clear();
    assert_eq!(
        the_only_reason(&judged(&record, &bounds), VerdictKind::Invalid),
        "The longest recovery could not be measured, since no fault landed; the bound is < 15s."
    );
}
