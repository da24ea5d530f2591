//! Records survive the disk, and nothing implausible passes.

use std::path::Path;

use serde_json::Value;

use super::*;
use crate::sample::{Sample, records};

fn edited(edit: impl Fn(&mut Value)) -> String {
    let mut json = serde_json::to_value(Sample::new("A", 1).record()).unwrap();
    edit(&mut json);
    RunRecord::from_json(&json.to_string(), "a.json").unwrap_err().to_string()
}

fn recovery(json: &mut Value) -> &mut Value {
    &mut json["faults"][0]["recovery"]
}

#[test]
fn a_record_reads_back_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    for record in records() {
        let path = folder.path().join(format!("{}.json", record.trial));
        record.write(&path).unwrap();
        assert_eq!(RunRecord::read(&path).unwrap(), record);
    }
}

#[test]
fn another_version_is_named_with_the_one_expected() {
    let error = edited(|json| json["schema"] = "stormgauge.dev/run-record/v1".into());
    assert_eq!(
        error,
        "a.json: schema is \"stormgauge.dev/run-record/v1\", but this program reads \
         \"stormgauge.dev/run-record/v2\"; write the record again with this version"
    );
    // The version is told even when the rest is unreadable to this program.
    let error = RunRecord::from_json(r#"{"schema":"v9","new":1}"#, "b.json").unwrap_err();
    assert!(error.to_string().contains("\"v9\""), "{error}");
}

#[test]
fn text_that_is_no_record_is_an_error_with_its_place() {
    let record = serde_json::to_string_pretty(&Sample::new("A", 1).record()).unwrap();
    let cut = &record[..record.len() / 2];
    let error = RunRecord::from_json(cut, "a.json").unwrap_err().to_string();
    assert!(error.starts_with("a.json: not a run record: EOF"), "{error}");
    let error = edited(|json| json["delivery"]["misplaced"] = 1.into());
    assert!(error.contains("unknown field `misplaced`"), "{error}");
    let error = edited(|json| json["delivery"]["lost"] = (-1).into());
    assert!(error.contains("a.json") && error.contains("-1"), "{error}");
    let huge = record.replacen("\"due_s\": 8.0", "\"due_s\": 1e999", 1);
    let error = RunRecord::from_json(&huge, "a.json").unwrap_err().to_string();
    assert!(error.contains("out of range"), "{error}");
    let error = RunRecord::read(Path::new("/nowhere/a.json")).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/a.json: cannot read"), "{error}");
}

#[test]
fn numbers_that_no_measurement_gives_are_named() {
    type Edit = fn(&mut Value);
    let cases: [(&str, Edit); 34] = [
        ("series[3].offered", |json| json["series"][3]["offered"] = (-1.0).into()),
        ("series[3].response_p99_ms", |json| {
            json["series"][3]["response_p99_ms"] = (-0.5).into();
        }),
        ("series[3].t_s", |json| json["series"][3]["t_s"] = 1.0.into()),
        ("phases[1].end_s", |json| json["phases"][1]["end_s"] = (-1.0).into()),
        ("decisions[0].t_s", |json| json["decisions"][0]["t_s"] = 1e300.into()),
        ("faults[0].landed_s", |json| json["faults"][0]["landed_s"] = Value::Null),
        ("faults[0].evidence", |json| json["faults"][0]["evidence"] = " ".into()),
        ("response", |json| json["response"]["p99_us"] = 1.into()),
        ("phase_response.steady", |json| json["phase_response"]["steady"]["count"] = 1.into()),
        ("indicators.p99_ms", |json| json["indicators"]["p99_ms"] = Value::Null),
        ("indicators.lost", |json| json["indicators"]["lost"] = 4.into()),
        ("indicators.worker_seconds", |json| {
            json["indicators"]["worker_seconds"] = (-4.0).into();
        }),
        ("delivery.lost", |json| json["delivery"]["observed"] = 9_000.into()),
        ("health.harness_cpu_share", |json| {
            json["health"]["harness_cpu_share"] = (-0.1).into();
        }),
        ("health.checks.skipped", |json| json["health"]["checks"]["skipped"] = Value::Null),
        ("health.checks.skipped", |json| {
            json["delivery"]["guarantee"] = "exactly_once".into();
        }),
        // Nine observed results fewer than samples.
        ("health.checks.unrecorded", |json| {
            json["delivery"]["observed"] = 9_991.into();
            json["delivery"]["lost"] = 9.into();
            json["indicators"]["lost"] = 9.into();
        }),
        ("repetition", |json| json["repetition"] = 0.into()),
        ("series[3].demand_replicas", |json| {
            json["series"][3]["demand_replicas"] = (-1.0).into();
        }),
        ("faults[0].recovery", |json| json["faults"][0]["state"] = "skipped".into()),
        ("faults[0].recovery", |json| json["faults"][0]["recovery"] = Value::Null),
        ("faults[0].recovery.total_s", |json| recovery(json)["total_s"] = (-2.0).into()),
        ("faults[0].recovery.restore_s", |json| recovery(json)["restore_s"] = 5.5.into()),
        ("faults[0].recovery.drain_s", |json| recovery(json)["drain_s"] = Value::Null),
        ("faults[0].recovery.detected_by", |json| recovery(json)["detect_s"] = Value::Null),
        ("faults[0].recovery.no_progress_share", |json| {
            recovery(json)["no_progress_share"] = 1.5.into();
        }),
        ("faults[0].recovery.out_of_objective", |json| {
            recovery(json)["out_of_objective"] = 201.into();
        }),
        ("indicators.worst_detect_s", |json| {
            json["indicators"]["worst_detect_s"] = 0.5.into();
        }),
        ("indicators.out_of_objective", |json| {
            json["indicators"]["out_of_objective"] = 10_001.into();
        }),
        ("indicators.elasticity.under_share", |json| {
            json["indicators"]["elasticity"]["under_share"] = 1.1.into();
        }),
        ("indicators.elasticity.over_share", |json| {
            json["indicators"]["elasticity"]["under_share"] = 0.9.into();
        }),
        ("steadiness.seconds", |json| json["steadiness"]["seconds"] = 21.into()),
        ("steadiness.autocorrelation", |json| {
            json["steadiness"]["autocorrelation"] = 1.5.into();
        }),
        ("steadiness.level_ratio", |json| json["steadiness"]["state"] = "steady".into()),
    ];
    for (field, edit) in cases {
        let error = edited(edit);
        assert!(error.starts_with(&format!("a.json: {field}: ")), "{field}: {error}");
    }
}

#[test]
fn a_missing_figure_is_not_a_good_one() {
    let error = edited(|json| {
        json["indicators"].as_object_mut().unwrap().remove("p99_ms");
    });
    assert!(error.contains("indicators.p99_ms: is absent"), "{error}");
}

#[test]
fn what_may_not_be_read_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    let mut record = Sample::new("A", 1).record();
    record.series[0].observed = f64::NAN;
    let error = record.write(&path).unwrap_err().to_string();
    assert!(error.contains("a.json: series[0].observed: is NaN"), "{error}");
    assert!(!path.exists());
}

#[test]
fn lists_beyond_their_limit_are_refused() {
    let mut record = Sample::new("A", 1).record();
    record.delivery.lost_examples = vec![String::new(); LOST_EXAMPLES_MAX + 1];
    let error = record.check("a.json").unwrap_err().to_string();
    assert!(error.contains("delivery.lost_examples: holds 11 entries"), "{error}");
    let mut record = Sample::new("A", 1).record();
    record.series = vec![SeriesRow::default(); crate::series::SERIES_ROWS_MAX + 1];
    let error = record.check("a.json").unwrap_err().to_string();
    assert!(error.contains("series: holds 86401 entries"), "{error}");
}

#[test]
fn figures_are_computed_from_what_was_observed() {
    let figures = Sample::new("A", 1).record().indicators;
    assert_eq!(figures.throughput_per_s, 500.0);
    assert_eq!(figures.recovery_s, Some(5.0));
    assert_eq!(figures.scale_actions, 1);
    // 4 workers at 0.03 an hour, whatever the length of the load.
    assert!((figures.cost.unwrap() - 0.12).abs() < 1e-12);
}
