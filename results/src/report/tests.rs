//! Golden files of every report, from records made by hand.

use super::*;
use crate::baseline::Baseline;
use crate::comparison::Comparison;
use crate::gate::gate;
use crate::objectives::Objectives;
use crate::sample::{Sample, records};
use crate::verdict::HealthLimits;

fn comparison() -> Comparison {
    Comparison::from_records(&records()).unwrap()
}

#[test]
fn the_table_on_a_wide_terminal() {
    insta::assert_snapshot!(table(&comparison(), 200));
}

#[test]
fn the_table_on_a_narrow_terminal() {
    let narrow = table(&comparison(), 80);
    assert!(narrow.lines().all(|line| line.chars().count() <= 80));
    insta::assert_snapshot!(narrow);
}

#[test]
fn a_table_of_single_trials_has_one_line_a_row() {
    let record = Sample { recovery_s: None, ..Sample::new("Swift", 1) }.record();
    let comparison = Comparison::from_records(&[record]).unwrap();
    insta::assert_snapshot!(table(&comparison, 200));
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let mut record = Sample::new("A", 1).record();
    record.strategy = "\u{1b}[31mred".to_owned();
    let comparison = Comparison::from_records(&[record]).unwrap();
    assert!(!table(&comparison, 200).contains('\u{1b}'));
}

#[test]
fn the_summary_for_spreadsheets() {
    insta::assert_snapshot!(csv::summary(&comparison()).unwrap());
}

#[test]
fn the_trials_for_spreadsheets() {
    insta::assert_snapshot!(csv::trials(&records()).unwrap());
}

#[test]
fn the_report_for_readers() {
    let files =
        [("summary.csv", "a line for each strategy"), ("records/", "a file for each trial")];
    insta::assert_snapshot!(markdown(&comparison(), &records(), &files));
}

#[test]
fn the_gate_for_a_terminal() {
    let mut baseline = Baseline::from_records(&records()).unwrap();
    baseline.machine.cpus = 64;
    let mut objectives = Objectives::new();
    objectives.set(IndicatorName::P99Response, "< 75ms").unwrap();
    objectives.set(IndicatorName::Recovery, "< 15s").unwrap();
    let limits = HealthLimits::default();
    let result = gate(&records(), &objectives, Some(&baseline), 0.1, &limits).unwrap();
    insta::assert_snapshot!(gate_table(&result));
    let json: serde_json::Value = serde_json::from_str(&gate_json(&result).unwrap()).unwrap();
    assert_eq!(json["verdict"]["kind"], "fail");
    assert_eq!(json["lines"][0]["against"], "validity");
}

#[test]
fn the_comparison_for_programs() {
    let json: serde_json::Value =
        serde_json::from_str(&comparison_json(&comparison()).unwrap()).unwrap();
    assert_eq!(json["schema"], crate::comparison::COMPARISON_SCHEMA);
    assert_eq!(json["rows"][1]["strategy"], "Thrifty");
    assert_eq!(json["rows"][1]["indicators"]["recovery"]["values"], serde_json::json!([9.0, 11.0]));
}
