//! The CSV files: golden files, the page that explains them, and what hostile text becomes.

use super::*;
use crate::comparison::Comparison;
use crate::record::RunRecord;
use crate::sample::{Sample, records};

/// The page that says what each column means.
const PAGE: &str = include_str!("../../../FILES.md");

fn comparison(records: &[RunRecord]) -> Comparison {
    Comparison::from_records(records).unwrap()
}

fn parsed(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let cells = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect();
    let headings = cells(reader.headers().unwrap());
    (headings, reader.records().map(|record| cells(&record.unwrap())).collect())
}

#[test]
fn the_series_for_spreadsheets() {
    insta::assert_snapshot!(series(&records()[..1]).unwrap());
}

#[test]
fn the_run_in_one_line() {
    insta::assert_snapshot!(history(&comparison(&records()), &records()).unwrap());
}

#[test]
fn every_file_is_explained_column_by_column() {
    let (records, comparison) = (records(), comparison(&records()));
    let files = [
        ("summary.csv", summary(&comparison)),
        ("trials.csv", trials(&records)),
        ("faults.csv", faults(&records)),
        ("series.csv", series(&records)),
    ];
    for (name, text) in files {
        let (headings, lines) = parsed(&text.unwrap());
        assert!(lines.iter().all(|line| line[0] == CSV_SCHEMA));
        let section = PAGE.split("\n## ").find(|part| part.starts_with(name)).unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `"));
        let explained: Vec<String> = rows
            .flat_map(|row| {
                let (cell, _) = row.split_once("` |").unwrap();
                cell.split("`, `").map(str::to_owned).collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(headings, explained, "{name} against results/FILES.md");
    }
    let stated = format!("the first column, `schema`, which is `{CSV_SCHEMA}`");
    assert!(PAGE.contains(&stated), "{stated}");
}

#[test]
fn hostile_text_stays_in_its_cell_and_is_no_formula() {
    let mut record = Sample::new("A", 1).record();
    record.strategy = "=cmd|' /C calc'!A1".to_owned();
    record.scenario.name = "a,\"b\"\n\u{1b}c".to_owned();
    record.faults[0].name = "\t@fault".to_owned();
    let records = [record];
    let (_, lines) = parsed(&trials(&records).unwrap());
    assert_eq!(lines[0][1], "'=cmd|' /C calc'!A1");
    assert!(lines[0].contains(&"a,\"b\"  c".to_owned()), "{lines:?}");
    let (headings, lines) = parsed(&series(&records).unwrap());
    assert_eq!((lines.len(), lines[0].len()), (20, headings.len()));
    assert_eq!(lines[9][6], "' @fault");
    let (headings, lines) = parsed(&history(&comparison(&records), &records).unwrap());
    assert_eq!(headings[4], "a__b___c._cmd____C_calc__A1.p50_ms");
    assert_eq!(lines.len(), 1);
}

#[test]
fn what_was_not_measured_is_empty() {
    let mut record = Sample { recovery_s: None, ..Sample::new("A", 1) }.record();
    record.indicators.p50_ms = Some(f64::NAN);
    record.series[0].response_p99_ms = None;
    record.series[0].cpu_share = Some(f64::INFINITY);
    let records = [record];
    let (headings, lines) = parsed(&trials(&records).unwrap());
    for name in ["p50_ms", "recovery_s"] {
        let column = headings.iter().position(|heading| heading == name).unwrap();
        assert_eq!(lines[0][column], "", "{name}");
    }
    let text = series(&records).unwrap();
    assert!(!text.contains("inf") && !text.contains("NaN"));
}

#[test]
fn an_interval_tells_its_phase_and_the_faults_in_it() {
    let (_, lines) = parsed(&series(&[Sample::new("A", 1).record()]).unwrap());
    let told: Vec<(&str, &str, &str)> = [7, 8, 13, 14]
        .map(|row: usize| (lines[row][4].as_str(), lines[row][5].as_str(), lines[row][6].as_str()))
        .to_vec();
    // The fault of the sample landed at 8.04 s and was healed at 14 s.
    let expected = [
        ("8", "steady", ""),
        ("9", "fault", "node-lost"),
        ("14", "fault", "node-lost"),
        ("15", "recovery", ""),
    ];
    assert_eq!(told, expected);
}
