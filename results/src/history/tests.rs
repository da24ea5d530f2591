//! What a history keeps, and what it refuses.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::*;
use crate::sample::records;

fn entries() -> Vec<HistoryEntry> {
    HistoryEntry::of_run(&records()).unwrap()
}

/// The entry of a strategy in the numbered run.
fn numbered(run: usize) -> HistoryEntry {
    HistoryEntry { run: format!("run-{run}"), ..entries().remove(0) }
}

#[test]
fn a_run_becomes_a_line_a_strategy_and_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    assert_eq!(read(&path).unwrap(), History::default());
    assert_eq!(append(&path, &entries()).unwrap(), None);
    assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 2);
    let history = read(&path).unwrap();
    assert_eq!(history, History { entries: entries(), warning: None });
    assert_eq!(history.entries[0].indicators[&IndicatorName::Lost], Some(0.0));
    assert_eq!(history.entries[0].trials, 2);
    // The most of any trial, 12 and none: a median would be what no trial had.
    assert_eq!(history.entries[1].indicators[&IndicatorName::Duplicated], Some(12.0));
}

#[test]
fn a_run_that_was_appended_twice_counts_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    append(&path, &entries()).unwrap();
    append(&path, &entries()).unwrap();
    assert_eq!(read(&path).unwrap().entries, entries());
}

#[test]
fn a_cut_off_last_line_is_reported_and_put_aside_by_the_next_append() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    append(&path, &[numbered(1), numbered(2)]).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let first_line = text.find('\n').unwrap() + 1;
    fs::write(&path, &text[..text.len() - 30]).unwrap();
    let history = read(&path).unwrap();
    assert_eq!(history.entries, [numbered(1)]);
    assert!(history.warning.unwrap().contains("history.jsonl:2: the last line is cut off"));
    let warning = append(&path, &[numbered(3)]).unwrap().unwrap();
    assert!(warning.contains("the last line was cut off"), "{warning}");
    let history = read(&path).unwrap();
    assert_eq!(history, History { entries: vec![numbered(1), numbered(3)], warning: None });
    let aside = folder.path().join(format!("history.jsonl.cut-off-at-{first_line}"));
    assert_eq!(fs::read_to_string(aside).unwrap(), text[first_line..text.len() - 30]);
}

#[test]
fn a_whole_last_line_without_its_end_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    append(&path, &[numbered(1)]).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.trim_end()).unwrap();
    assert_eq!(read(&path).unwrap(), History { entries: vec![numbered(1)], warning: None });
    assert!(append(&path, &[numbered(2)]).unwrap().unwrap().contains("no end"));
    assert_eq!(read(&path).unwrap().entries, [numbered(1), numbered(2)]);
}

#[test]
fn any_other_bad_line_is_an_error_that_names_it() {
    let line = entries()[0].to_line().unwrap();
    let cases = [
        ("{\"schema\":\"stormgauge.dev/history/v0\"}".to_owned(), "history/v0"),
        ("no line at all".to_owned(), "expected"),
        (String::new(), "EOF"),
        (line.replace("\"run\":\"", "\"ran\":\""), "unknown field `ran`"),
        (line.replace("\"p99_response\":", "\"p99_response\":-"), "p99_response is -"),
        (line.replace("\"missed_sends\":0.0", "\"missed_sends\":1e999"), "number out of range"),
        (line.replace("\"strategy\":\"Swift\"", "\"strategy\":\"\""), "strategy is empty"),
        (line.replace("Swift", &"x".repeat(LINE_BYTES_MAX)), "at most 65536 allowed"),
    ];
    for (bad, words) in cases {
        let text = format!("{line}\n{bad}\n{line}\n");
        let error = History::parse(&text, "h.jsonl").unwrap_err().to_string();
        assert!(error.starts_with("h.jsonl:2: not a line of a history: "), "{error}");
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn numbers_that_no_measurement_can_give_are_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    let mut entry = numbered(1);
    entry.indicators.insert(IndicatorName::P99Response, Some(f64::NAN));
    let error = append(&path, &[entry]).unwrap_err().to_string();
    assert!(error.contains("p99_response is NaN"), "{error}");
    assert!(!path.exists());
}

#[test]
fn a_run_that_tested_nothing_becomes_no_point() {
    let mut records = records();
    for record in &mut records {
        record.health.spoiled = vec!["Interrupted.".to_owned()];
    }
    let error = HistoryEntry::of_run(&records).unwrap_err().to_string();
    assert!(error.contains("trials is valid"), "{error}");
    assert!(HistoryEntry::of_run(&[]).is_err());
}

/// This process, or with the variable set a child of it, appends lines as fast as it can.
#[test]
fn two_processes_that_append_a_thousand_lines_each_lose_none() {
    const VARIABLE: &str = "HISTORY_TO_APPEND_TO";
    const NAME: &str = "history::tests::two_processes_that_append_a_thousand_lines_each_lose_none";
    if let Ok(path) = std::env::var(VARIABLE) {
        let writer = std::process::id() as usize;
        let entry = numbered(0);
        for line in 0..1_000 {
            let run = format!("run-{writer}-{line}");
            append(Path::new(&path), &[HistoryEntry { run, ..entry.clone() }]).unwrap();
        }
        return;
    }
    // In memory where there is such a place: waiting for a disk shows nothing more.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let path = folder.path().join("history.jsonl");
    let program = std::env::current_exe().unwrap();
    let child = || {
        let mut command = Command::new(&program);
        command.args([NAME, "--exact"]).env(VARIABLE, &path);
        command.stdout(std::process::Stdio::null()).spawn().unwrap()
    };
    let children = [child(), child()];
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let text = fs::read_to_string(&path).unwrap();
    let mut runs: Vec<String> =
        text.lines().map(|line| HistoryEntry::parse(line).unwrap().run).collect();
    assert_eq!(runs.len(), 2_000);
    runs.sort();
    runs.dedup();
    assert_eq!(runs.len(), 2_000);
}
