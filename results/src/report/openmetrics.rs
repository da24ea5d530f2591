//! `metrics.txt`: the figures of every trial as OpenMetrics text, for what collects those.
//!
//! A metric is an indicator, named as in objectives, in base units; a sample is a trial. What was
//! not measured has no sample.
//! Source of the format: OpenMetrics 1.0.0, section 4; Prometheus' own text format allows it too.

use crate::comparison::groups;
use crate::objectives::{IndicatorName, Unit};
use crate::record::RunRecord;
use crate::report::format::capitalized;
use crate::verdict::VerdictKind;

const VERDICTS: [VerdictKind; 4] =
    [VerdictKind::Pass, VerdictKind::Inconclusive, VerdictKind::Invalid, VerdictKind::Fail];

/// The figures of `records`.
pub fn openmetrics(records: &[RunRecord]) -> String {
    let trials: Vec<&RunRecord> = groups(records).into_iter().flatten().collect();
    let mut text = String::new();
    for indicator in IndicatorName::ALL {
        let (name, unit) = name(indicator);
        head(&mut text, &name, unit, &format!("{}, of a trial.", capitalized(indicator.words())));
        for trial in &trials {
            let value = indicator.value(&trial.indicators).map(|value| base_unit(indicator, value));
            if let Some(value) = value.filter(|value| value.is_finite()) {
                let mut labels = labels(trial);
                if indicator.unit() == Unit::MoneyPerHour {
                    labels.push(("currency", trial.indicators.currency.clone()));
                }
                sample(&mut text, &name, &labels, value);
            }
        }
    }
    let name = "stormgauge_verdict";
    head(&mut text, name, None, "The verdict over a trial: 1 for the one that it has.");
    for trial in &trials {
        for verdict in VERDICTS {
            let mut labels = labels(trial);
            labels.push(("verdict", verdict.word().to_owned()));
            let value = if verdict == trial.verdict.kind { 1.0 } else { 0.0 };
            sample(&mut text, name, &labels, value);
        }
    }
    text.push_str("# EOF\n");
    text
}

/// The metric of an indicator, and its unit where that has a name.
fn name(indicator: IndicatorName) -> (String, Option<&'static str>) {
    let base = indicator.as_str();
    match indicator.unit() {
        Unit::Milliseconds | Unit::Seconds => {
            let base = base.trim_end_matches("_seconds");
            (format!("stormgauge_{base}_seconds"), Some("seconds"))
        }
        Unit::PerSecond => (format!("stormgauge_{base}_per_second"), None),
        Unit::MoneyPerHour => (format!("stormgauge_{base}_per_hour"), None),
        Unit::Share => (format!("stormgauge_{base}_ratio"), Some("ratio")),
        Unit::Count => (format!("stormgauge_{base}"), None),
    }
}

fn base_unit(indicator: IndicatorName, value: f64) -> f64 {
    if indicator.unit() == Unit::Milliseconds { value / 1e3 } else { value }
}

fn labels(trial: &RunRecord) -> Vec<(&'static str, String)> {
    vec![
        ("run", trial.run.clone()),
        ("scenario", trial.scenario.name.clone()),
        ("strategy", trial.strategy.clone()),
        ("repetition", trial.repetition.to_string()),
    ]
}

fn head(text: &mut String, name: &str, unit: Option<&str>, help: &str) {
    text.push_str(&format!("# TYPE {name} gauge\n"));
    if let Some(unit) = unit {
        text.push_str(&format!("# UNIT {name} {unit}\n"));
    }
    text.push_str(&format!("# HELP {name} {help}\n"));
}

fn sample(text: &mut String, name: &str, labels: &[(&str, String)], value: f64) {
    let labels: Vec<String> =
        labels.iter().map(|(label, value)| format!("{label}=\"{}\"", escape(value))).collect();
    // A microsecond, a millionth of money: no finer than what was measured.
    let value = (value * 1e6).round() / 1e6;
    text.push_str(&format!("{name}{{{}}} {value}\n", labels.join(",")));
}

/// A label's value: the format escapes three characters; other control characters could end a
/// line for a lenient reader.
fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\\' => escaped.push_str("\\\\"),
            '"' => escaped.push_str("\\\""),
            '\n' => escaped.push_str("\\n"),
            control if control.is_control() => escaped.push(' '),
            plain => escaped.push(plain),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Sample, records};

    #[test]
    fn the_figures_for_a_collector() {
        insta::assert_snapshot!(openmetrics(&records()));
    }

    #[test]
    fn hostile_names_cannot_forge_a_sample() {
        let mut record = Sample::new("A", 1).record();
        record.strategy = "a\"} 1\nforged 2\\\r\u{0}".to_owned();
        let text = openmetrics(&[record]);
        assert!(!text.lines().any(|line| line.starts_with("forged")), "{text}");
        assert!(text.contains(r#"strategy="a\"} 1\nforged 2\\  ","#), "{text}");
        assert!(text.ends_with("} 0\n# EOF\n"));
    }

    #[test]
    fn what_was_not_measured_has_no_sample() {
        let mut record = Sample { recovery_s: None, ..Sample::new("A", 1) }.record();
        record.indicators.p50_ms = Some(f64::NAN);
        let text = openmetrics(&[record]);
        assert!(!text.contains("stormgauge_recovery_seconds{"), "{text}");
        assert!(!text.contains("NaN"), "{text}");
    }
}
