//! What a duet passes and fails, and what it says.

use super::*;
use crate::gate::{Broken, Expected, Half};
use crate::objectives::Objectives;
use crate::record::RunRecord;
use crate::sample::{Sample, records};
use crate::verdict::HealthLimits;

fn half(record: &RunRecord, p99_ms: f64) -> Half {
    Half {
        p99_ms: Some(p99_ms),
        spoiled: None,
        broken: Vec::new(),
        program: Some(record.program.clone()),
        machine: Some(record.machine.clone()),
    }
}

/// Pairs whose candidate takes `ratio` of the baseline's 100 ms, give or take 1 %.
fn pairs(count: u32, ratio: f64) -> Vec<Pair> {
    let record = Sample::new("Swift", 1).record();
    let half = |p99_ms: f64| half(&record, p99_ms);
    let pair = |number: u32| {
        let noise = if (number * number / 3).is_multiple_of(2) { 1.01 } else { 0.99 };
        Pair {
            number,
            seed: u64::from(number),
            first: Role::Baseline,
            baseline: half(100.0),
            candidate: half(100.0 * ratio * noise),
        }
    };
    (1..=count).map(pair).collect()
}

fn setting() -> DuetSetting {
    DuetSetting {
        scenario: "duet".to_owned(),
        digest: "sha256:01".to_owned(),
        strategy: "low_latency".to_owned(),
        rules: Rules { pairs_max: 20, ..Rules::default() },
        baseline: "old".to_owned(),
        candidate: "new".to_owned(),
    }
}

fn judged(pairs: Vec<Pair>) -> GateResult {
    duet(setting(), pairs, 13.0, None)
}

#[test]
fn a_program_that_is_alike_passes_with_its_interval() {
    let result = judged(pairs(20, 1.0));
    assert_eq!(result.verdict.kind, VerdictKind::Pass);
    let sentence = &result.verdict.reasons[0];
    assert!(sentence.contains("within the tolerated 5 % (error rate at most 1 %)"), "{sentence}");
    assert!(sentence.contains(" lower and "), "{sentence}");
    assert!(result.warnings[0].contains("stormgauge calibrate"), "{:?}", result.warnings);
}

#[test]
fn a_program_that_is_slower_fails_with_an_interval_around_the_change() {
    let result = judged(pairs(20, 1.10));
    assert_eq!(result.verdict.kind, VerdictKind::Fail);
    let decision = &result.duet.as_ref().unwrap().decision;
    assert!(decision.low.unwrap() > 0.05 && decision.low.unwrap() <= 0.10);
    assert!(decision.high.unwrap() >= 0.10);
    assert!(result.verdict.reasons[0].contains("% higher"), "{:?}", result.verdict.reasons);
    assert!(result.verdict.reasons[0].contains("more than the tolerated 5 %"));
}

#[test]
fn too_few_pairs_go_on_and_pass_nothing() {
    let few = pairs(3, 1.0);
    assert!(duet_goes_on(&few, &setting().rules));
    let result = judged(few);
    assert_eq!(result.verdict.kind, VerdictKind::Inconclusive);
    assert!(result.verdict.reasons[0].contains("cannot be told"), "{:?}", result.verdict.reasons);
    assert_eq!(judged(Vec::new()).verdict.kind, VerdictKind::Invalid);
}

#[test]
fn at_the_end_of_the_budget_what_is_undecided_stays_so() {
    let undecided = pairs(20, 1.05);
    assert!(!duet_goes_on(&undecided, &setting().rules));
    let result = judged(undecided);
    assert_eq!(result.verdict.kind, VerdictKind::Inconclusive);
    assert!(result.verdict.reasons[0].contains("So many pairs show a change of"));
}

#[test]
fn a_spoiled_trial_spoils_its_pair_and_half_of_them_the_verdict() {
    let mut some = pairs(22, 1.0);
    some[4].candidate = Half::spoiled("It died.");
    some[5].baseline = Half::spoiled("It died.");
    let result = judged(some.clone());
    assert_eq!(result.verdict.kind, VerdictKind::Pass);
    assert_eq!(result.duet.as_ref().unwrap().spoiled, 2);
    assert!(result.lines[0].sentence.contains("Pair 6, the baseline's trial: It died."));
    for pair in some.iter_mut().skip(6).step_by(2) {
        pair.candidate = Half::spoiled("It died.");
    }
    some.truncate(10);
    some[0].candidate = Half::spoiled("It died.");
    some[1].candidate = Half::spoiled("It died.");
    assert!(!duet_goes_on(&some, &setting().rules));
    assert_eq!(judged(some).verdict.kind, VerdictKind::Invalid);
}

/// A trial whose record is of a trial that tested nothing.
fn untested() -> Half {
    Half {
        p99_ms: None,
        spoiled: Some("It is invalid.".to_owned()),
        ..pairs(1, 1.0)[0].baseline.clone()
    }
}

#[test]
fn a_candidate_that_spoils_more_pairs_than_chance_explains_fails() {
    let mut some = pairs(28, 1.0);
    some.iter_mut().step_by(4).take(6).for_each(|pair| pair.candidate = untested());
    let result = judged(some.clone());
    assert_eq!(result.verdict.kind, VerdictKind::Pass, "{:?}", result.verdict);
    let warning = &result.warnings[0];
    assert!(warning.contains("the candidate alone spoiled 6, the baseline alone 0"), "{warning}");
    some[1].candidate = untested();
    let result = judged(some.clone());
    assert_eq!(result.verdict.kind, VerdictKind::Fail);
    assert!(result.verdict.reasons[0].contains("more than chance"), "{:?}", result.verdict);
    some[2].baseline = untested();
    assert_eq!(judged(some).verdict.kind, VerdictKind::Pass, "9 of 256 is no proof");
}

#[test]
fn a_candidate_that_dies_is_no_pass_unless_the_baseline_dies_too() {
    let mut some = pairs(21, 1.0);
    some[3].candidate = Half::spoiled("It died.");
    let result = judged(some.clone());
    assert_eq!(result.verdict.kind, VerdictKind::Inconclusive);
    let reason = &result.verdict.reasons[0];
    assert!(reason.contains("no record of 1 of 21 trials, the baseline of 0"), "{reason}");
    assert!(reason.contains("Pair 4, the candidate's trial: It died."), "{reason}");
    some[3].baseline = Half::spoiled("It died.");
    assert_eq!(judged(some).verdict.kind, VerdictKind::Pass);
}

fn broken(indicator: &str, guarantee: bool) -> Broken {
    let sentence = format!("Too much was {indicator}.");
    Broken { indicator: indicator.to_owned(), guarantee, sentence }
}

#[test]
fn a_message_that_only_the_candidate_loses_fails_at_once() {
    let lost = broken("lost", true);
    let mut some = pairs(2, 1.0);
    some[1].candidate.broken.push(lost.clone());
    assert!(!duet_goes_on(&some, &setting().rules));
    let result = judged(some.clone());
    assert_eq!(result.verdict.kind, VerdictKind::Fail);
    let reason = &result.verdict.reasons[0];
    assert!(reason.starts_with("Too much was lost. It was broken in 1 of 2 trials of"), "{reason}");
    some[1].baseline = untested();
    assert_eq!(judged(some.clone()).verdict.kind, VerdictKind::Fail, "its own trial is valid");
    some[0].baseline.broken.push(lost);
    assert!(duet_goes_on(&some, &setting().rules), "the baseline does it too");
    assert_eq!(judged(some).verdict.kind, VerdictKind::Inconclusive);
}

/// The verdict when both break a bound in the first pair, the candidate alone in some more, and
/// the baseline alone in some after these.
fn breaking(broken: &Broken, candidate: usize, baseline: usize) -> VerdictKind {
    let mut some = pairs(20, 1.0);
    let (both, alone) = some.split_at_mut(1);
    both[0].candidate.broken.push(broken.clone());
    both[0].baseline.broken.push(broken.clone());
    alone.iter_mut().take(candidate).for_each(|pair| pair.candidate.broken.push(broken.clone()));
    let rest = alone.iter_mut().skip(candidate).take(baseline);
    rest.for_each(|pair| pair.baseline.broken.push(broken.clone()));
    assert!(!duet_goes_on(&some, &setting().rules));
    judged(some).verdict.kind
}

#[test]
fn what_both_programs_break_fails_the_one_that_breaks_it_more_often_than_chance() {
    for broken in [broken("lost", true), broken("p99_response", false), broken("lost", false)] {
        assert_eq!(breaking(&broken, 6, 0), VerdictKind::Pass);
        assert_eq!(breaking(&broken, 7, 0), VerdictKind::Fail);
        assert_eq!(breaking(&broken, 10, 8), VerdictKind::Pass, "most of the one, not the other");
        // 1 + 10 of 1,024, and 1 + 11 of 2,048.
        assert_eq!(breaking(&broken, 9, 1), VerdictKind::Pass);
        assert_eq!(breaking(&broken, 10, 1), VerdictKind::Fail);
        assert_eq!(breaking(&broken, 0, 19), VerdictKind::Pass);
    }
}

#[test]
fn what_the_guarantee_does_not_forbid_may_happen_once() {
    let mut some = pairs(20, 1.0);
    some[0].candidate.broken.push(broken("duplicated", false));
    let result = judged(some);
    assert_eq!(result.verdict.kind, VerdictKind::Pass);
    assert!(result.lines[1].sentence.contains("(Warning: it was broken in 1 of 20 trials"));
}

#[test]
fn a_record_counts_only_if_it_is_of_the_trial_that_was_asked_for() {
    let (objectives, limits) = (Objectives::new(), HealthLimits::default());
    let record = records().remove(0);
    let expected = Expected {
        digest: &record.scenario.digest,
        fingerprint: &record.workload.fingerprint,
        strategy: &record.strategy,
        seed: record.seed,
        objectives: &objectives,
        limits: &limits,
    };
    let good = Half::of(&record, &expected);
    assert_eq!((good.p99_ms, good.spoiled), (record.indicators.p99_ms, None));
    let spoiled = |expected: Expected<'_>| Half::of(&record, &expected).spoiled.unwrap();
    assert!(spoiled(Expected { digest: "other", ..expected }).contains("read the scenario"));
    assert!(spoiled(Expected { fingerprint: "other", ..expected }).contains("the load"));
    assert!(spoiled(Expected { strategy: "other", ..expected }).contains("the strategy"));
    assert!(spoiled(Expected { seed: 999, ..expected }).contains("the seed"));
    let mut unwell = record.clone();
    unwell.health.spoiled = vec!["Interrupted.".to_owned()];
    assert!(Half::of(&unwell, &expected).spoiled.unwrap().contains("It is invalid. Interrupted."));
    let mut silent = record.clone();
    silent.indicators.p99_ms = None;
    assert!(Half::of(&silent, &expected).spoiled.unwrap().contains("no response"));
    let loser = Sample { lost: 1, ..Sample::new("Thrifty", 1) }.record();
    let half = Half::of(&loser, &expected);
    assert!(half.broken[0].indicator == "lost" && half.broken[0].guarantee, "{half:?}");
    let mut mute = loser.clone();
    mute.indicators.p99_ms = None;
    let half = Half::of(&mute, &expected);
    assert!(half.spoiled.is_some() && half.broken[0].guarantee, "{half:?}");
}
