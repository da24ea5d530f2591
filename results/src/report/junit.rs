//! `junit.xml`: the findings as test results, for whatever shows those of a build.
//!
//! A suite is a scenario; a case is what was held against a strategy: that its trials tested what
//! they claim, each part of the delivery guarantee, each objective. What was exceeded is a
//! failure; what could not be told is an error, since it is no pass either.

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use crate::gate::{Against, GateLine, GateResult};

/// The results of `suites`, each the name of a scenario with what was held against it.
///
/// # Errors
/// Never, since it is written to memory.
pub fn junit(suites: &[(&str, &GateResult)]) -> Result<String, SerializeError> {
    let mut report = Report::new("stormgauge");
    for (scenario, result) in suites {
        let mut suite = TestSuite::new(*scenario);
        for line in &result.lines {
            suite.add_test_case(case(scenario, line));
        }
        report.add_test_suite(suite);
    }
    report.to_string()
}

fn case(scenario: &str, line: &GateLine) -> TestCase {
    let mut status = if line.ok {
        TestCaseStatus::success()
    } else if line.against == Against::Validity {
        TestCaseStatus::non_success(NonSuccessKind::Error)
    } else {
        TestCaseStatus::non_success(NonSuccessKind::Failure)
    };
    if !line.ok {
        let kind = if line.against == Against::Validity { "invalid" } else { "exceeded" };
        let allowed = format!("{} was {}, allowed is {}", line.indicator, line.shown, line.bound);
        status.set_type(kind).set_message(allowed).set_description(line.sentence.as_str());
    }
    let name = match line.against {
        Against::Validity if line.indicator == "validity" => line.indicator.clone(),
        against => format!("{} ({})", line.indicator, against.word()),
    };
    let mut case = TestCase::new(name, status);
    case.set_classname(format!("{scenario}.{}", line.strategy));
    if line.ok {
        case.set_system_out(line.sentence.as_str());
    }
    case
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::gate;
    use crate::objectives::{IndicatorName, Objectives};
    use crate::record::{FaultState, RunRecord};
    use crate::sample::{Sample, records};
    use crate::verdict::HealthLimits;

    fn result(records: &[RunRecord]) -> GateResult {
        let mut objectives = Objectives::new();
        objectives.set(IndicatorName::P99Response, "< 75ms").unwrap();
        objectives.set(IndicatorName::Recovery, "< 15s").unwrap();
        gate(records, &objectives, None, 0.1, &HealthLimits::default()).unwrap()
    }

    #[test]
    fn the_results_for_a_build() {
        insta::assert_snapshot!(junit(&[("market-open", &result(&records()))]).unwrap());
    }

    #[test]
    fn what_could_not_be_told_is_an_error() {
        let record = Sample { state: FaultState::Skipped, ..Sample::new("A", 1) }.record();
        let report = Report::deserialize_from_str(&junit(&[("s", &result(&[record]))]).unwrap());
        let report = report.unwrap();
        assert_eq!((report.errors, report.failures), (1, 0));
    }

    #[test]
    fn hostile_text_stays_text() {
        let mut record = Sample { lost: 1, ..Sample::new("A", 1) }.record();
        record.strategy = "<b>\"&]]>\u{1b}[31m\u{0}\n'".to_owned();
        let text = junit(&[("s<&\">", &result(&[record]))]).unwrap();
        assert!(!text.contains(['\u{1b}', '\u{0}']));
        let report = Report::deserialize_from_str(&text).unwrap();
        assert_eq!(report.test_suites[0].name.as_str(), "s<&\">");
        assert_eq!(report.failures, 1);
        let class = report.test_suites[0].test_cases[0].classname.as_ref().unwrap();
        assert!(class.as_str().starts_with("s<&\">.<b>\"&]]>"), "{class:?}");
    }
}
