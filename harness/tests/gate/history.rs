//! `gate DIR --history FILE`.

use super::program::{stormgauge, text};
use super::record::{record, scenario};
use results::gate::HISTORY_RUNS_MIN;
use results::history::{self, HistoryEntry};
use std::fs;
use std::path::Path;
use std::process::Output;

/// Leaves a run whose p99 is as given.
fn leave_run(folder: &Path, p99_ms: f64) {
    let records = folder.join("run/records");
    fs::create_dir_all(&records).unwrap();
    let mut record = record(&scenario(), 1, p99_ms);
    record.started_at = "2026-02-01T00:00:00Z".to_owned();
    record.write(&records.join("trial.json")).unwrap();
}

/// Appends runs by revisions of their own, whose p99s are as given.
fn append(file: &Path, p99s_ms: impl Iterator<Item = f64>) {
    let scenario = scenario();
    let entry = |(number, p99_ms): (usize, f64)| {
        let noise = [1.0, 1.008, 0.993, 1.004, 0.99, 1.009, 0.997][number * number % 7];
        let mut record = record(&scenario, 2, p99_ms * noise);
        record.run = format!("run-{number}");
        record.started_at = format!("2026-01-02T03:04:{number:02}Z");
        record.program.git_revision = format!("rev-{number}");
        HistoryEntry::of_run(&[record]).unwrap().remove(0)
    };
    let entries: Vec<HistoryEntry> = p99s_ms.enumerate().map(entry).collect();
    history::append(file, &entries).unwrap();
}

fn gate(folder: &Path, more: &[&str]) -> Output {
    stormgauge(folder, &[&["gate", "run", "--history", "history.jsonl"][..], more].concat())
}

#[test]
fn a_first_run_is_appended_once_and_is_too_little_to_say_anything() {
    let folder = tempfile::tempdir().unwrap();
    leave_run(folder.path(), 100.0);
    let file = folder.path().join("history.jsonl");
    let looked = gate(folder.path(), &["--no-append"]);
    assert_eq!(looked.status.code(), Some(5), "{}", text(&looked.stderr));
    assert!(!file.exists());
    for _ in 0..2 {
        let output = gate(folder.path(), &[]);
        assert_eq!(output.status.code(), Some(5), "{}", text(&output.stderr));
        let said = text(&output.stdout);
        let wanted = format!("takes {HISTORY_RUNS_MIN} comparable runs, and there are 1");
        assert!(said.contains(&wanted), "{said}");
        assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 1);
    }
}

#[test]
fn a_run_after_a_step_up_fails_with_the_commits_and_one_after_none_passes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.jsonl");
    leave_run(folder.path(), 100.0);
    append(&file, std::iter::repeat_n(100.0, 24));
    let output = gate(folder.path(), &["--no-append"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    fs::remove_file(&file).unwrap();
    let stepped = (0..36).map(|number| if number < 24 { 80.0 } else { 100.0 });
    append(&file, stepped);
    let output = gate(folder.path(), &["-o", "json"]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("with a commit of rev-23..rev-24"), "{said}");
}

#[test]
fn a_cut_off_line_is_said_and_any_other_bad_line_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("history.jsonl");
    leave_run(folder.path(), 100.0);
    append(&file, std::iter::repeat_n(100.0, 3));
    let whole = fs::read_to_string(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - 20]).unwrap();
    let output = gate(folder.path(), &[]);
    assert!(text(&output.stdout).contains("was cut off after"), "{}", text(&output.stdout));
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 3);
    fs::write(&file, format!("nonsense\n{whole}")).unwrap();
    let output = gate(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("history.jsonl:1: not a line of a history"));
    let bounded = gate(folder.path(), &["--bound", "lost <= 0"]);
    assert_eq!(bounded.status.code(), Some(2), "two questions at once");
}
