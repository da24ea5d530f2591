//! The harness is killed in the middle of ten faults: nothing of them outlives it.

mod program;

use chaos::Journal;
use chaos::journal::{JournalEntry, LeftProcess, Leftovers};
use harness::clock::Anchor;
use program::{command, stormgauge, text};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

const SCENARIO: &str = "
name: ten
duration: 60s
warm_up: 1s
environment: { nodes: 3, partitions: 6, broker_detection: 300ms, node_grace: 30s }
workload:
  events: { market_data: { symbols: 20, correlation: 0.5, volatility: 0.2, skew: 0.5 } }
  arrival: { rate_per_s: 300, shape: constant }
  payload_bytes: 200
job:
  worker: { start_delay: 0s, session_timeout: 30s }
  scaling: { min_replicas: 6, max_replicas: 6, sync_period: 500ms }
strategies: [low_latency]
faults:
  - { at: 2s, for: 50s, fault: { fetch_stall: { brokers: { name: broker-1 } } } }
  - { at: 2s, for: 50s, fault: { broker_errors: { brokers: all, api: heartbeat, error: coordinator_not_available } } }
  - { at: 2s, for: 50s, fault: { lost_acknowledgement: { brokers: { name: broker-2 } } } }
  - { at: 2s, for: 50s, fault: { broker_throttle: { produce_bytes_per_s: 1 } } }
  - { at: 2s, for: 50s, fault: { replication_lag: { brokers: { name: broker-2 }, delay: 50ms } } }
  - at: 2s
    for: 50s
    fault: { network_delay: { between: [{ nodes: { name: node-3 } }, { brokers: all }], delay: 20ms } }
  - { at: 2s, for: 50s, fault: { network_partition: { between: [operator, { brokers: all }] } } }
  - { at: 4s, for: 48s, fault: { node_pause: { nodes: { name: node-1 } } } }
  - { at: 4s, for: 48s, fault: { node_crash: { nodes: { name: node-2 } } } }
  - { at: 4s, for: 48s, fault: { broker_crash: { brokers: { name: broker-3 } } } }
";

/// The most that a loaded machine needs to get the faults in force.
const PATIENCE: Duration = Duration::from_secs(50);

/// Whether something holds before `limit` passes.
fn within(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let start = Anchor::now();
    while start.elapsed() < limit {
        if holds() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

fn entries(journal: &Path) -> Vec<JournalEntry> {
    let lines = Journal::read(journal).into_iter().flatten();
    lines.filter_map(Result::ok).map(|line| line.entry).collect()
}

/// Journaled processes that still run, and what else was started for this folder.
fn left(folder: &Path, processes: &[LeftProcess]) -> Vec<String> {
    let journaled = processes.iter().filter(|process| {
        let members = harness::clock::group_members(process.pid, process.start_ticks);
        !members.is_empty()
    });
    let folder = folder.to_string_lossy().into_owned();
    let started = std::fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| {
        let line = text(&std::fs::read(entry.ok()?.path().join("cmdline")).ok()?);
        line.contains(&folder).then_some(line)
    });
    journaled.map(|process| process.what.clone()).chain(started).collect()
}

/// Ends the program if an assertion fails before it is killed.
struct Harness(Child);

impl Drop for Harness {
    fn drop(&mut self) {
        let _ended = self.0.kill().and_then(|()| self.0.wait());
    }
}

#[test]
fn nothing_outlives_a_harness_that_is_killed_amid_ten_faults() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("ten.yaml"), SCENARIO).unwrap();
    let run = ["run", "ten.yaml", "--out", "out"];
    let mut started = command(folder.path(), &run);
    let quiet = started.stdout(Stdio::null()).stderr(Stdio::null());
    let mut harness = Harness(quiet.spawn().expect("the program starts"));
    let journal = folder.path().join("out/journal.jsonl");
    let landed = || {
        let entries = entries(&journal);
        entries.iter().filter(|entry| matches!(entry, JournalEntry::FaultLanded { .. })).count()
    };
    let mut ended = false;
    let in_force = within(PATIENCE, || {
        ended = harness.0.try_wait().unwrap().is_some();
        ended || landed() == 10
    });
    assert!(in_force && !ended, "{} landed: {:#?}", landed(), entries(&journal));

    // It owns the run as long as it lives.
    let second = stormgauge(folder.path(), &run);
    let error = text(&second.stderr);
    assert_eq!(second.status.code(), Some(4), "{error}");
    assert!(error.contains(&format!("process {}", harness.0.id())), "{error}");
    let clean = ["clean", "--root", "out"];
    let nothing = "0 unfinished runs, 0 leftovers removed\n";
    assert_eq!(text(&stormgauge(folder.path(), &clean).stdout), nothing, "it still runs");

    harness.0.kill().unwrap();
    harness.0.wait().unwrap();
    let left_over = Leftovers::from_lines(Journal::read(&journal).unwrap());
    assert_eq!((left_over.faults.len(), left_over.ended), (10, false));
    assert!(left_over.processes.len() >= 5, "{:?}", left_over.processes);
    let limit = left_over.faults.iter().map(|fault| fault.healed_by_unix_us).min().unwrap();
    let limit = Duration::from_micros(limit.saturating_sub(harness::clock::unix_us()));
    let gone = within(limit, || left(folder.path(), &left_over.processes).is_empty());
    assert!(gone, "left: {:?}", left(folder.path(), &left_over.processes));

    // What is left to `clean` is the folder that the pods ran in, and the word that it is over.
    let cleaned = text(&stormgauge(folder.path(), &clean).stdout);
    assert!(cleaned.contains("fault broker_crash-10 was in force"), "{cleaned}");
    assert!(!cleaned.contains("process "), "{cleaned}");
    assert!(cleaned.ends_with("1 unfinished run, 1 leftover removed\n"), "{cleaned}");
    assert_eq!(text(&stormgauge(folder.path(), &clean).stdout), nothing);
}
