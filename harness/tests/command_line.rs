//! The program from the outside: what it refuses, what it says, and one whole trial.

mod program;

use program::{stormgauge, text};

/// The smoke scenario with one change.
fn changed_smoke(from: &str, to: &str) -> String {
    let smoke = include_str!("../scenarios/smoke.yaml");
    assert!(smoke.contains(from), "the scenario has {from:?}");
    smoke.replacen(from, to, 1)
}

#[test]
fn a_wrong_scenario_is_refused_with_its_place_and_nothing_is_started() {
    let cases = [
        ("duration: 14s", "durations: 14s", &["durations"][..]),
        ("rate_per_s: 1500", "rate_per_s: -5", &[":9:26:", "workload.arrival.rate_per_s"]),
        ("{ count: 1 }", "{ name: node-99 }", &["node-99", "node-1, node-2"]),
        ("at: 5500ms, for: 1s", "at: 5500ms, for: 90s", &["faults[0].for"]),
        ("at: 5500ms, for: 1s", "when: lag > 3, for: 1s", &["`lag > 3`", "lag_records"]),
        ("at: 5500ms, for: 1s", "when: fault == x, for: 1s", &["faults[0].when", "broker-crash"]),
        (
            "price:",
            "blast_radius: { deny: { nodes: all } }\nprice:",
            &["faults[0].fault.node_crash.nodes", "blast radius"],
        ),
        ("drain: 10s", "drain: 10s\nstrategies: [fastest]", &["fastest", "low_latency"]),
        ("lost: 0", "losses: 0", &["losses", "lost"]),
        ("price:", "delivery: { acks: none }\nprice:", &["all", "leader"]),
        (
            "price:",
            "delivery: { acks: leader, processing: exactly_once }\nprice:",
            &[":22:19:", "delivery.acks"],
        ),
        ("price:", "delivery: { processing: at_most_once }\nprice:", &["job.worker.command"]),
        ("price:", "expected: { lost: by_brokers }\nprice:", &["expected.lost", "delivery.audit"]),
    ];
    for (from, to, words) in cases {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bad.yaml"), changed_smoke(from, to)).unwrap();
        let output = stormgauge(folder.path(), &["run", "bad.yaml", "--out", "out"]);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{to}: {error}");
        for word in words {
            assert!(error.contains(word), "{to}: {word:?} is not in {error}");
        }
        assert!(!folder.path().join("out").exists(), "{to}: something was started");
    }
}

#[test]
fn usage_errors_exit_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let wrong: [&[&str]; 7] = [
        &["suite", "no-such-suite"],
        &["run", "no-such-file.yaml"],
        &["run", "smoke", "--rate-scale", "NaN"],
        &["run", "smoke", "--strategies", "fastest"],
        &["gate", "."],
        &["report", "nowhere"],
        &["suite"],
    ];
    for arguments in wrong {
        let output = stormgauge(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty(), "{arguments:?} wrote to standard output");
    }
}

#[test]
fn what_is_listed_can_be_exported_validated_and_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let exported = stormgauge(folder.path(), &["list", "--export", "mine"]);
    assert!(exported.status.success());
    let valid = stormgauge(
        folder.path(),
        &["validate", "mine/scenarios/stress.yaml", "mine/suites/smoke.yaml"],
    );
    assert!(valid.status.success(), "{}", text(&valid.stderr));
    let again = stormgauge(folder.path(), &["list", "--export", "mine"]);
    assert_eq!(again.status.code(), Some(2));
}

#[test]
fn schemas_and_lists_are_json() {
    let folder = tempfile::tempdir().unwrap();
    let json: [&[&str]; 4] = [
        &["schema", "scenario"],
        &["schema", "suite"],
        &["list", "faults", "-o", "json"],
        &["list", "indicators", "-o", "json"],
    ];
    for arguments in json {
        let output = stormgauge(folder.path(), arguments);
        let value: Result<serde_json::Value, _> = serde_json::from_slice(&output.stdout);
        assert!(value.is_ok(), "{arguments:?}: {}", text(&output.stdout));
    }
}

/// Four seconds of little load with two faults, one of which waits for a condition: set-up, load,
/// faults, drain, checks, files.
#[test]
fn a_small_trial_loses_nothing_and_leaves_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = "
name: small
duration: 4s
warm_up: 1s
environment: { nodes: 1, partitions: 4 }
workload:
  events: { market_data: { symbols: 10, correlation: 0.5, volatility: 0.2, skew: 0.5 } }
  arrival: { rate_per_s: 200, shape: constant }
  payload_bytes: 200
job:
  worker: { start_delay: 0s, session_timeout: 5s }
  scaling: { min_replicas: 1, max_replicas: 1, sync_period: 500ms }
strategies: [low_latency]
faults:
  - at: 2s
    for: 300ms
    fault:
      network_delay:
        between: [{ nodes: all }, { brokers: all }]
        delay: 10ms
        jitter: 5ms
  - when: time >= 2800ms and phase == recovery and replicas == 1 and lag_time < 1m
    for: 300ms
    fault:
      network_delay:
        between: [{ nodes: all }, { brokers: all }]
        delay: 10ms
";
    std::fs::write(folder.path().join("small.yaml"), scenario).unwrap();
    let output = stormgauge(folder.path(), &["run", "small.yaml", "--out", "out", "-o", "json"]);
    let records = folder.path().join("out/records/small-low_latency-1.json");
    let record = results::RunRecord::read(&records)
        .unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)));
    assert_eq!(record.delivery.planned, 800);
    assert_eq!(record.delivery.acknowledged, 800);
    assert_eq!(record.delivery.lost + record.delivery.reordered + record.delivery.unexpected, 0);
    for fault in &record.faults {
        assert_eq!(fault.state, results::FaultState::Landed, "{fault:?}");
    }
    assert!(record.faults[1].due_s >= 2.8, "{:?}", record.faults[1]);
    let phases: Vec<&str> = record.phases.iter().map(|phase| phase.name.as_str()).collect();
    let twice = ["warm-up", "steady", "fault", "recovery", "fault", "recovery", "drain"];
    assert_eq!(phases, twice);
    for file in [
        "report.md",
        "summary.csv",
        "trials.csv",
        "faults.csv",
        "series.csv",
        "history.csv",
        "junit.xml",
        "dashboard.json",
        "metrics.txt",
        "journal.jsonl",
        "trials/small-low_latency-1/response.hgrm",
        "trials/small-low_latency-1/response.hlog",
    ] {
        assert!(folder.path().join("out").join(file).is_file(), "{file}");
    }
    let left = stormgauge(folder.path(), &["clean", "--root", "out"]);
    assert_eq!(text(&left.stdout), "0 unfinished runs, 0 leftovers removed\n");
}
