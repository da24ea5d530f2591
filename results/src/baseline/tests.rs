//! Baselines are read with suspicion and compared only with their like.

use super::*;
use crate::sample::{Sample, records};
use crate::verdict::Verdict;

fn edited(edit: impl Fn(&mut serde_json::Value)) -> String {
    let mut json = serde_json::to_value(Baseline::from_records(&records()).unwrap()).unwrap();
    edit(&mut json);
    Baseline::from_json(&json.to_string(), "base.json").unwrap_err().to_string()
}

#[test]
fn a_baseline_reads_back_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("baseline.json");
    let baseline = Baseline::from_records(&records()).unwrap();
    baseline.write(&path).unwrap();
    assert_eq!(Baseline::read(&path).unwrap(), baseline);
    assert_eq!(baseline.strategies["Thrifty"][&IndicatorName::Recovery], [Some(9.0), Some(11.0)]);
}

#[test]
fn the_order_of_records_does_not_matter() {
    let mut reversed = records();
    reversed.reverse();
    assert_eq!(
        Baseline::from_records(&reversed).unwrap(),
        Baseline::from_records(&records()).unwrap()
    );
}

#[test]
fn a_broken_file_is_answered_with_its_field() {
    let error = edited(|json| json["schema"] = "stormgauge.dev/baseline/v9".into());
    assert!(error.contains("v9") && error.contains(BASELINE_SCHEMA), "{error}");
    let error = edited(|json| json["strategies"]["Swift"]["p99_response"][0] = (-1.0).into());
    assert_eq!(
        error,
        "base.json: strategies.Swift.p99_response: is -1, but must be finite and not negative"
    );
    let error = edited(|json| json["strategies"]["Swift"]["cost"] = serde_json::json!([]));
    assert!(error.contains("strategies.Swift.cost: has no repetitions"), "{error}");
    let error = edited(|json| json["strategies"]["Swift"]["p98"] = serde_json::json!([1.0]));
    assert!(error.contains("p98") && error.contains("p99_response"), "{error}");
    let error = edited(|json| json["more"] = 1.into());
    assert!(error.contains("unknown field `more`"), "{error}");
    let error = edited(|json| json["strategies"] = serde_json::json!({}));
    assert!(error.contains("strategies: is empty"), "{error}");
    let error = Baseline::read(Path::new("/nowhere/base.json")).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/base.json: cannot read"), "{error}");
}

#[test]
fn an_invalid_trial_is_no_baseline() {
    let mut records = records();
    records[0].verdict =
        Verdict { kind: VerdictKind::Invalid, reasons: vec!["No fault landed.".to_owned()] };
    let error = Baseline::from_records(&records).unwrap_err().to_string();
    assert!(error.contains("Thrifty-1 is invalid") && error.contains("No fault"), "{error}");
    assert!(matches!(Baseline::from_records(&[]), Err(BaselineError::Empty)));
}

#[test]
fn another_scenario_or_strategy_is_refused() {
    let baseline = Baseline::from_records(&records()).unwrap();
    let mut other = records();
    other[0].scenario.digest = "sha256:4567".to_owned();
    let error = baseline.check_against(&other).unwrap_err().to_string();
    assert!(error.contains("sha256:0123") && error.contains("sha256:4567"), "{error}");
    let mut more = records();
    more.push(Sample::new("Novel", 1).record());
    let error = baseline.check_against(&more).unwrap_err().to_string();
    assert_eq!(error, "strategy Novel is missing in the baseline, which has: Swift, Thrifty");
    let error = baseline.check_against(&records()[1..3]).unwrap_err().to_string();
    assert_eq!(error, "strategy Thrifty is missing in the records, which has: Swift");
}
