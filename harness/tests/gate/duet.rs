//! `gate --duet` with scripts that leave prepared records.

use super::program::{command, stormgauge, text};
use super::record::{record, record_with_lost, scenario};
use harness::duet::{DuetPlan, Folder, Patience, play};
use harness::scenario::spec::StrategyName;
use results::{RunRecord, VerdictKind};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Seeds that programs have records for; the gate starts at 1.
const SEEDS: u64 = 12;

/// Writes a program that copies its prepared record of the seed to where a run leaves it.
fn fake(folder: &Path, name: &str, of_seed: impl Fn(u64) -> RunRecord) {
    let prepared = folder.join(format!("{name}-records"));
    fs::create_dir_all(&prepared).unwrap();
    for seed in 1..=SEEDS {
        of_seed(seed).write(&prepared.join(format!("{seed}.json"))).unwrap();
    }
    let ends = format!("mkdir -p \"$out/records\" && cp {}/$seed.json", prepared.display());
    script(folder, name, &format!("{ends} \"$out/records/trial.json\""));
}

/// Writes a program that reads the flags of a trial, and ends as told.
fn script(folder: &Path, name: &str, ends: &str) {
    let path = folder.join(name);
    let reads =
        "while [ $# -gt 0 ]; do case $1 in --seed) seed=$2;; --out) out=$2;; esac; shift; done";
    fs::write(&path, format!("#!/bin/sh\n{reads}\n{ends}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Times of a machine that is not quite quiet: 1 % up or down, by seed.
fn noisy(ms: f64, seed: u64) -> f64 {
    ms * if (seed * seed / 3).is_multiple_of(2) { 1.01 } else { 0.99 }
}

fn gate(folder: &Path) -> (Output, Value) {
    let flags = ["--duet", "duet", "--baseline-bin", "baseline", "--candidate-bin", "candidate"];
    let more = ["--budget", "10", "--out", "out", "-o", "json"];
    let output = stormgauge(folder, &[&["gate"][..], &flags, &more].concat());
    let json = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
    (output, json)
}

/// The folder, with a baseline of 100 ms in it.
fn with_baseline() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let scenario = scenario();
    fake(folder.path(), "baseline", |seed| record(&scenario, seed, noisy(100.0, seed + 1)));
    folder
}

#[test]
fn a_program_that_is_alike_passes() {
    let (folder, scenario) = (with_baseline(), scenario());
    fake(folder.path(), "candidate", |seed| record(&scenario, seed, noisy(100.0, seed)));
    let (output, json) = gate(folder.path());
    assert_eq!(output.status.code(), Some(0), "{json:#}");
    assert_eq!(json["verdict"]["kind"], "pass");
    assert_eq!(json["duet"]["pairs"].as_array().unwrap().len(), 9);
    let kept = fs::read_to_string(folder.path().join("out/gate.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&kept).unwrap(), json);
    let beside = |name: &str| fs::read_to_string(folder.path().join("out").join(name)).unwrap();
    assert!(beside("gate.md").starts_with("# PASS"), "{}", beside("gate.md"));
    assert!(beside("junit.xml").contains("failures=\"0\""), "{}", beside("junit.xml"));
}

#[test]
fn a_program_that_is_slower_by_a_tenth_fails_with_an_interval_around_it() {
    let (folder, scenario) = (with_baseline(), scenario());
    fake(folder.path(), "candidate", |seed| record(&scenario, seed, noisy(110.0, seed)));
    let (output, json) = gate(folder.path());
    assert_eq!(output.status.code(), Some(3), "{json:#}");
    let decision = &json["duet"]["decision"];
    let (low, high) = (decision["low"].as_f64().unwrap(), decision["high"].as_f64().unwrap());
    assert!(0.05 < low && low < 0.10 && 0.10 < high, "{low} to {high}");
}

#[test]
fn an_invalid_trial_spoils_its_pair_and_is_counted() {
    let (folder, scenario) = (with_baseline(), scenario());
    fake(folder.path(), "candidate", |seed| {
        let mut record = record(&scenario, seed, noisy(100.0, seed));
        if seed == 4 {
            record.verdict.kind = VerdictKind::Invalid;
            record.verdict.reasons = vec!["A fault did not land.".to_owned()];
        }
        record
    });
    let (output, json) = gate(folder.path());
    assert_eq!(output.status.code(), Some(0), "{json:#}");
    assert_eq!(json["duet"]["spoiled"], 1);
    assert_eq!(json["duet"]["pairs"].as_array().unwrap().len(), 10);
    let spoiled = json["duet"]["pairs"][3]["candidate"]["spoiled"].as_str().unwrap();
    assert!(spoiled.contains("A fault did not land."), "{spoiled}");
}

#[test]
fn a_candidate_that_dies_once_is_no_pass() {
    let (folder, scenario) = (with_baseline(), scenario());
    fake(folder.path(), "alike", |seed| record(&scenario, seed, noisy(100.0, seed)));
    let alike = folder.path().join("alike");
    let dies =
        format!("[ $seed = 4 ] && kill -9 $$; exec {} --seed $seed --out $out", alike.display());
    script(folder.path(), "candidate", &dies);
    let (output, json) = gate(folder.path());
    assert_eq!(output.status.code(), Some(5), "{json:#}");
    assert_eq!(json["verdict"]["kind"], "inconclusive");
    let reason = json["verdict"]["reasons"][0].as_str().unwrap();
    assert!(reason.contains("no record of 1 of 10 trials"), "{reason}");
}

#[test]
fn a_message_that_only_the_candidate_loses_fails_at_once() {
    let (folder, scenario) = (with_baseline(), scenario());
    fake(folder.path(), "candidate", |seed| record_with_lost(&scenario, seed, 100.0, 1));
    let (output, json) = gate(folder.path());
    assert_eq!(output.status.code(), Some(3), "{json:#}");
    assert_eq!(json["duet"]["pairs"].as_array().unwrap().len(), 1);
}

#[test]
fn programs_that_die_or_leave_nonsense_make_the_verdict_invalid_and_say_why() {
    let cases = [
        ("echo no such flag >&2; exit 2", "saying \"no such flag\""),
        ("kill -9 $$", "signal: 9"),
        ("exit 0", "Its record cannot be used"),
        (
            "mkdir -p $out/records; echo '{\"schema\":\"old/v0\"}' >$out/records/a.json",
            "schema is \"old/v0\"",
        ),
    ];
    for (ends, words) in cases {
        let folder = with_baseline();
        script(folder.path(), "candidate", ends);
        let (output, json) = gate(folder.path());
        assert_eq!(output.status.code(), Some(5), "{json:#}");
        assert_eq!(json["verdict"]["kind"], "invalid");
        let reason = json["verdict"]["reasons"][0].as_str().unwrap();
        assert!(reason.contains(words), "{words}: {reason}");
    }
}

#[test]
fn an_interrupt_reaches_the_trial_and_leaves_a_report() {
    let folder = with_baseline();
    let ends =
        "trap 'echo healed >healed; exit 130' INT; touch started; while :; do sleep 0.1; done";
    script(folder.path(), "candidate", ends);
    let programs = ["--baseline-bin", "baseline", "--candidate-bin", "candidate"];
    let arguments = [&["gate", "--duet", "--out", "out", "--quiet"], &programs[..]].concat();
    let mut gate = command(folder.path(), &arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..400 {
        if folder.path().join("started").exists() {
            break;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    let pid = harness::child::pid(gate.id()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(gate.wait().unwrap().code(), Some(130));
    assert!(folder.path().join("healed").exists(), "the trial was not asked to end");
    let report = fs::read_to_string(folder.path().join("out/gate.json")).unwrap();
    assert!(report.contains("\"kind\": \"invalid\""), "{report}");
}

#[tokio::test]
async fn a_program_that_hangs_and_heeds_no_interrupt_is_killed_in_time() {
    let folder = with_baseline();
    script(folder.path(), "candidate", "trap '' INT; while :; do sleep 0.1; done");
    let text = harness::scenario::builtin::scenario("duet").unwrap();
    let out = Folder::create(Some(&folder.path().join("out")), "duet", text).unwrap();
    let brief = Duration::from_millis(400);
    let plan = DuetPlan {
        scenario: Arc::new(scenario()),
        strategy: StrategyName::LowLatency,
        launcher: env!("CARGO_BIN_EXE_stormgauge").into(),
        baseline: folder.path().join("candidate"),
        candidate: folder.path().join("candidate"),
        seed: 1,
        patience: Patience { limit: brief, grace: brief },
    };
    let played = play(&plan, &out, &CancellationToken::new(), |_| Ok(false)).await.unwrap();
    let spoiled = played.pairs[0].spoiled().unwrap();
    assert!(spoiled.contains("It was stopped: it had not ended after"), "{spoiled}");
}

#[test]
fn wrong_flags_are_refused_before_anything_starts() {
    let folder = with_baseline();
    fs::write(folder.path().join("data"), "no program").unwrap();
    let good = ["gate", "--duet", "--baseline-bin", "baseline"];
    let cases: [(&[&str], &str); 9] = [
        (&["gate", "--duet"], "--baseline-bin or --baseline-rev"),
        (&["gate", "--duet", "--baseline-bin", "nowhere"], "nowhere"),
        (&["gate", "--duet", "--baseline-bin", "data"], "no program"),
        (&["gate", "--baseline-bin", "baseline"], "required"),
        (&[&good[..], &["--budget", "8"]].concat(), "must be from 9"),
        (&[&good[..], &["--budget", "501"]].concat(), "must be from 9 to 500"),
        (&[&good[..], &["--tolerance", "NaN"]].concat(), "--tolerance NaN"),
        (&[&good[..], &["--calibration", "data"]].concat(), "not a calibration"),
        (&["gate", "--duet", "data", "--baseline-bin", "baseline"], "data"),
    ];
    for (arguments, words) in cases {
        let output = stormgauge(folder.path(), arguments);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(words), "{arguments:?}: {error}");
        assert!(!folder.path().join("stormgauge-out").exists(), "{arguments:?}");
    }
}
