//! The checkers, checked: every planted bug, which checkers must catch it, and clean runs at which
//! all of them must be silent.
//!
//! Messages flow through a pipeline in memory that is made of the driver's stamps, the ledger, the
//! collector's intake and the verdict as trials use them; each bug is planted at one place in it.

mod bugs;
mod document;
mod pipeline;

use super::Checker;
use crate::scenario::delivery::Amount;
use crate::scenario::{SuiteSpec, ValidatedScenario, builtin, validated::Overrides};
use bugs::{Row, rows};
use pipeline::{Findings, run};
use results::VerdictKind;

/// The checkers that found something.
fn found(findings: &Findings) -> Vec<Checker> {
    let speaks = |checker: &Checker| checker.count(&findings.delivery, &findings.checks) > 0;
    Checker::ALL.into_iter().filter(speaks).collect()
}

/// The findings as they would be had a checker been left out.
fn without(mut findings: Findings, checker: Checker) -> Findings {
    let (delivery, checks) = (&mut findings.delivery, &mut findings.checks);
    match checker {
        Checker::Lost => delivery.lost = 0,
        Checker::Duplicated => delivery.duplicated = 0,
        Checker::Reordered => delivery.reordered = 0,
        Checker::Unexpected => delivery.unexpected = 0,
        Checker::Skipped => checks.skipped = None,
        Checker::Rewound => checks.rewound = 0,
        Checker::Misstamped => checks.misstamped = 0,
        Checker::Unrecorded => checks.unrecorded = 0,
    }
    findings
}

#[test]
fn every_bug_is_caught_by_the_checkers_of_its_row_and_by_no_other() {
    for row in rows() {
        let findings = run(&row.planted, row.guarantee);
        let delivery = &findings.delivery;
        assert!(delivery.observed > pipeline::MESSAGES / 2, "{}: {delivery:?}", row.bug);
        let counts = (delivery, &findings.checks);
        assert_eq!(found(&findings), row.found, "{}: {counts:?}", row.bug);
        let verdict = findings.verdict();
        assert_eq!(verdict.kind, row.verdict, "{}: {:?}", row.bug, verdict.reasons);
    }
}

#[test]
fn a_run_without_a_bug_is_silent_under_every_guarantee() {
    let clean: Vec<Row> = rows().into_iter().filter(|row| row.found.is_empty()).collect();
    assert!(clean.len() >= 2);
    assert!(clean.iter().all(|row| row.verdict == VerdictKind::Pass));
}

#[test]
fn each_checker_is_needed_without_it_a_bug_passes() {
    for checker in Checker::ALL {
        let own = rows().into_iter().filter(|row| row.found == [checker]);
        let own: Vec<Row> = own.filter(|row| row.verdict != VerdictKind::Pass).collect();
        assert!(!own.is_empty(), "no bug is for {} alone", checker.as_str());
        for row in own {
            let findings = without(run(&row.planted, row.guarantee), checker);
            assert_eq!(findings.verdict().kind, VerdictKind::Pass, "{}", row.bug);
        }
    }
}

#[test]
fn each_checker_is_enough_for_the_bugs_of_its_rows() {
    for row in rows().into_iter().filter(|row| row.verdict != VerdictKind::Pass) {
        for checker in row.found {
            let others = Checker::ALL.into_iter().filter(|other| other != checker);
            let findings = others.fold(run(&row.planted, row.guarantee), without);
            // At least once allows what is duplicated.
            let allowed =
                *checker == Checker::Duplicated && row.guarantee == results::Guarantee::AtLeastOnce;
            let passes = findings.verdict().kind == VerdictKind::Pass;
            assert_eq!(passes, allowed, "{}: {}", row.bug, checker.as_str());
        }
    }
}

#[test]
fn what_brokers_lost_is_laid_at_their_door() {
    let row = rows().into_iter().find(|row| row.place == bugs::Place::Brokers);
    let row = row.expect("brokers have bugs");
    let delivery = run(&row.planted, row.guarantee).delivery;
    assert!(delivery.lost > 0 && delivery.audit.unwrap().explains(delivery.lost));
}

#[test]
fn real_trials_expect_what_the_table_says() {
    for row in rows() {
        let Some(name) = row.scenario else { continue };
        let text = builtin::scenario(name).expect(name);
        let spec = ValidatedScenario::parse(name, text, &Overrides::default()).expect(name).spec;
        let expected = spec.expected.expect(name);
        for checker in Checker::ALL {
            let amount = expected.amount(checker);
            let wanted = row.found.contains(&checker);
            let agrees = (amount == Amount::Some) == wanted;
            assert!(agrees, "{name}: {} is {amount:?}", checker.as_str());
        }
    }
}

#[test]
fn every_trial_of_the_suite_has_a_row() {
    let suite = SuiteSpec::parse("checkers", builtin::suite("checkers").unwrap()).unwrap();
    let rows = rows();
    for scenario in &suite.scenarios {
        assert!(rows.iter().any(|row| row.scenario == Some(scenario)), "{scenario}");
    }
    let built_in = builtin::SCENARIOS.iter().map(|(name, _)| *name);
    for name in built_in.filter(|name| name.starts_with("checkers-")) {
        assert!(suite.scenarios.iter().any(|scenario| scenario == name), "{name}");
    }
}

/// `UPDATE_CHECKERS=1 cargo test -p harness --lib` writes the file anew.
#[test]
fn the_checked_in_table_is_the_generated_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/CHECKERS.md");
    let generated = document::document(&rows());
    if std::env::var_os("UPDATE_CHECKERS").is_some() {
        std::fs::write(path, &generated).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == generated, "CHECKERS.md is stale: run with UPDATE_CHECKERS=1");
}
