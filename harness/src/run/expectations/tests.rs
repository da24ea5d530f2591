use super::*;
use results::Guarantee;

fn delivery(lost: u64, duplicated: u64, reordered: u64) -> Delivery {
    Delivery {
        planned: 10,
        sent: 10,
        acknowledged: 10,
        failed: 0,
        unknown: 0,
        observed: 10 - lost,
        lost,
        duplicated,
        reordered,
        unexpected: 0,
        lost_examples: Vec::new(),
        guarantee: Guarantee::AtLeastOnce,
        audit: None,
    }
}

fn judged(expected: ExpectedSpec, delivery: &Delivery) -> (bool, String) {
    judged_with(expected, delivery, &HarnessChecks::default())
}

fn judged_with(
    expected: ExpectedSpec,
    delivery: &Delivery,
    checks: &HarnessChecks,
) -> (bool, String) {
    let row = row("scenario", "setting", expected, (delivery, checks), Vec::new());
    (row.ok, row.result)
}

fn lost() -> ExpectedSpec {
    ExpectedSpec { lost: ExpectedLoss::Some, ..ExpectedSpec::default() }
}

#[test]
fn what_is_expected_must_be_found() {
    assert!(judged(lost(), &delivery(1, 0, 0)).0);
    assert_eq!(judged(lost(), &delivery(0, 0, 0)), (false, "lost MISSED".to_owned()));
    let both = ExpectedSpec { duplicated: Amount::Some, ..lost() };
    assert!(!judged(both, &delivery(1, 0, 0)).0);
}

#[test]
fn nothing_else_may_be_found_unless_allowed() {
    let found = delivery(1, 0, 2);
    assert_eq!(judged(lost(), &found), (false, "reordered NOT EXPECTED".to_owned()));
    assert!(judged(ExpectedSpec { reordered: Amount::Any, ..lost() }, &found).0);
}

#[test]
fn a_clean_run_must_be_silent_and_have_results() {
    let silent = ExpectedSpec::default();
    assert_eq!(judged(silent, &delivery(0, 0, 0)), (true, "as expected".to_owned()));
    assert!(!judged(silent, &delivery(0, 1, 0)).0);
    assert!(!judged(silent, &delivery(10, 0, 0)).0);
}

#[test]
fn a_loss_by_brokers_must_be_exactly_what_their_log_lacks() {
    let expected = ExpectedSpec { lost: ExpectedLoss::ByBrokers, ..ExpectedSpec::default() };
    let with = |absent, absent_and_lost| Delivery {
        audit: Some(SourceAudit { absent, absent_and_lost }),
        ..delivery(3, 0, 0)
    };
    assert!(judged(expected, &with(3, 3)).0);
    assert!(!judged(expected, &with(3, 2)).0, "as many, but others");
    assert!(!judged(expected, &with(2, 2)).0, "one was lost by the job");
    assert!(!judged(expected, &with(4, 3)).0, "one was not reported");
    assert!(!judged(expected, &delivery(3, 0, 0)).0, "nobody looked");
}

#[test]
fn a_spoiled_trial_proves_nothing() {
    let wrong = vec!["broker-crash DID NOT LAND".to_owned()];
    let found = (&delivery(0, 0, 0), &HarnessChecks::default());
    let row = row("scenario", "setting", ExpectedSpec::default(), found, wrong);
    assert!(!row.ok);
}

#[test]
fn what_the_harness_did_wrong_is_expected_or_not_like_the_rest() {
    let checks = HarnessChecks { skipped: Some(3), ..HarnessChecks::default() };
    let clean = delivery(0, 0, 0);
    let result = judged_with(ExpectedSpec::default(), &clean, &checks);
    assert_eq!(result, (false, "skipped NOT EXPECTED".to_owned()));
    let expected = ExpectedSpec { skipped: Amount::Some, ..ExpectedSpec::default() };
    assert!(judged_with(expected, &clean, &checks).0);
    assert_eq!(judged(expected, &clean), (false, "skipped MISSED".to_owned()));
}

#[test]
fn expectations_read_as_words() {
    assert_eq!(words(ExpectedSpec::default()), "nothing");
    let expected = ExpectedSpec {
        lost: ExpectedLoss::ByBrokers,
        duplicated: Amount::Any,
        ..ExpectedSpec::default()
    };
    assert_eq!(words(expected), "lost: what the brokers lost\nduplicated: any");
}
