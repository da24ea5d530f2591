//! What a calibration finds, and what it refuses.

use super::*;
use crate::gate::Half;
use crate::sample::Sample;

/// Log ratios as regular as can be: ± the noise in an order that is not periodic.
fn pairs(noise: f64, count: u32) -> Vec<Pair> {
    let record = Sample::new("Swift", 1).record();
    let half = |p99_ms: f64| Half {
        p99_ms: Some(p99_ms),
        spoiled: None,
        broken: Vec::new(),
        program: Some(record.program.clone()),
        machine: Some(record.machine.clone()),
    };
    let pair = |number: u32| {
        let sign = if (number * number / 3).is_multiple_of(2) { 1.0 } else { -1.0 };
        let candidate = half(100.0 * f64::exp(sign * noise));
        Pair { number, seed: 1, first: Role::Baseline, baseline: half(100.0), candidate }
    };
    (1..=count).map(pair).collect()
}

fn setting() -> DuetSetting {
    DuetSetting {
        scenario: "duet".to_owned(),
        digest: "sha256:01".to_owned(),
        strategy: "low_latency".to_owned(),
        rules: Rules { pairs_max: 30, ..Rules::default() },
        baseline: "a".to_owned(),
        candidate: "a".to_owned(),
    }
}

fn calibration(noise: f64) -> Calibration {
    Calibration::of_pairs(&setting(), &pairs(noise, 24), 13.0, (1, 40)).unwrap()
}

#[test]
fn little_noise_finds_a_change_and_raises_no_alarm() {
    let quiet = calibration(0.01);
    assert_eq!(quiet.false_alarms.share, 0.0);
    assert_eq!(quiet.power.share, 1.0);
    assert!((quiet.noise - 0.0102).abs() < 3e-4, "{}", quiet.noise);
    // ((2.3263 + 1.6449) · 0.0102 / ln(1.10 / 1.05))² = 0.76.
    assert_eq!(quiet.pairs_needed, Some(1));
    assert_eq!(quiet.misfits(&setting(), None, None), Vec::<String>::new());
}

#[test]
fn much_noise_says_that_the_budget_does_not_suffice() {
    let noisy = calibration(0.3);
    assert!(noisy.power.share < 0.5, "{:?}", noisy.power);
    assert!(noisy.pairs_needed.unwrap() > 300);
    let misfits = noisy.misfits(&setting(), None, None);
    assert!(misfits[0].contains("and 30 are allowed"), "{misfits:?}");
}

#[test]
fn the_same_seed_draws_the_same_gates() {
    assert_eq!(calibration(0.05), calibration(0.05));
}

#[test]
fn what_differs_is_said() {
    let known = calibration(0.01);
    let rules = Rules { tolerance: 0.03, alpha: 0.05, pairs_max: 60, ..setting().rules };
    let (digest, strategy) = ("sha256:02".to_owned(), "x".to_owned());
    let other = DuetSetting { digest, strategy, rules, ..setting() };
    let machine = Machine { cpus: 64, ..known.machine.clone() };
    let program = Program { profile: "debug".to_owned(), ..known.program.clone() };
    let misfits = known.misfits(&other, Some(&machine), Some(&program));
    let words = [
        "digest",
        "strategy",
        "of the tolerance 5 %, this is of 3 %",
        "of the error rate 1 %, this is of 5 %",
        "of the budget 9 to 30 pairs, this is of 9 to 60 pairs",
        "machine",
        "of the profile release, this is of debug",
    ];
    assert_eq!(misfits.len(), words.len(), "{misfits:?}");
    for (misfit, words) in misfits.iter().zip(words) {
        assert!(misfit.contains(words), "{misfits:?}");
    }
}

#[test]
fn the_pairs_as_they_were_measured_are_decided_on_too() {
    let quiet = calibration(0.01).measured;
    assert_eq!(quiet, Measured { gates: 24, failed: 0, passed: 24, found: 24 });
    // A candidate that is always the slower one is what drawing hides.
    let mut slower = pairs(0.01, 24);
    slower
        .iter_mut()
        .for_each(|pair| pair.candidate.p99_ms = pair.candidate.p99_ms.map(|p| 1.1 * p));
    let known = Calibration::of_pairs(&setting(), &slower, 13.0, (1, 40)).unwrap();
    assert!(known.false_alarms.share < 0.2, "{:?}", known.false_alarms);
    assert_eq!(known.measured.failed, 24);
    let misfits = known.misfits(&setting(), None, None);
    assert!(misfits.iter().any(|misfit| misfit.contains("24 fail")), "{misfits:?}");
}

#[test]
fn one_gate_that_fails_is_chance_and_two_of_forty_are_not() {
    let alarms = |gates, failed| Measured { gates, failed, passed: 0, found: 0 }.alarms(0.01);
    assert!(!alarms(40, 0) && !alarms(40, 1) && alarms(40, 2));
    assert!(!alarms(400, 4) && alarms(400, 5));
}

#[test]
fn where_nothing_is_tolerated_a_twentieth_is_to_be_found() {
    let rules = Rules { tolerance: 0.0, ..setting().rules };
    let setting = DuetSetting { rules, ..setting() };
    let strict = Calibration::of_pairs(&setting, &pairs(0.01, 24), 13.0, (1, 40)).unwrap();
    assert_eq!((strict.change, strict.power.share), (0.05, 1.0));
    assert_eq!(strict.pairs_needed, Some(1));
}

#[test]
fn too_few_pairs_are_refused() {
    let error = Calibration::of_pairs(&setting(), &pairs(0.01, 9), 13.0, (1, 10)).unwrap_err();
    assert!(error.to_string().starts_with("9 of 9 pairs count, at least 10"), "{error}");
}

#[test]
fn rates_have_the_published_interval() {
    // 0 of 300: the upper bound is 1 − 0.025^(1/300) = 0.012221.
    let none = Rate::of(0, 300);
    assert!((none.high - 0.012_221).abs() < 1e-5 && none.low == 0.0, "{none:?}");
    // 8 of 10, in Clopper and Pearson's chart and every table since: 0.4439 to 0.9748.
    let some = Rate::of(8, 10);
    assert!((some.low - 0.4439).abs() < 1e-3 && (some.high - 0.9748).abs() < 1e-3, "{some:?}");
    assert_eq!(Rate::of(10, 10).high, 1.0);
}

#[test]
fn a_file_that_was_edited_by_hand_is_refused_by_its_field() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("calibration.json");
    let known = calibration(0.01);
    known.write(&path).unwrap();
    let read = Calibration::read(&path).unwrap();
    assert!((read.noise - known.noise).abs() < 1e-12);
    assert_eq!((read.rules, read.seed, read.pairs_needed), (known.rules, 1, Some(1)));
    let text = std::fs::read_to_string(&path).unwrap();
    for (from, to, words) in [
        ("duet-calibration/v2", "duet-calibration/v1", "schema is"),
        ("\"noise\": ", "\"noise\": -", "noise: must be"),
        ("\"noise\": ", "\"noises\": ", "unknown field"),
        ("\"share\": 0.0", "\"share\": 2.0", "false_alarms: must rise"),
        ("\"gates\": 24", "\"gates\": 23", "measured: counts more gates"),
        ("\"pairs_min\": 9", "\"pairs_min\": 0", "rules: have no meaning"),
    ] {
        assert!(text.contains(from), "{from}");
        std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
        let error = Calibration::read(&path).unwrap_err().to_string();
        assert!(error.contains(words), "{to}: {error}");
    }
}
