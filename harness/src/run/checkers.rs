//! The table that proves the checkers: each planted bug caught by the right one, clean runs silent.

use crate::scenario::ValidatedScenario;
use crate::scenario::spec::{CheckerName, PlantedSpec};
use results::{Delivery, RunRecord};
use std::sync::Arc;
use tabled::{Table, Tabled, settings::Style};

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq, Tabled)]
pub struct CheckerRow {
    /// The planted bug, or `none`.
    #[tabled(rename = "planted bug")]
    pub bug: String,
    /// The checkers that must speak.
    #[tabled(rename = "must be caught by")]
    pub expected: String,
    /// As counted.
    pub lost: u64,
    /// As counted.
    pub duplicated: u64,
    /// As counted.
    pub reordered: u64,
    /// As counted.
    pub unexpected: u64,
    /// `caught`, `silent`, or what went wrong.
    pub result: String,
    /// Whether the line is as it must be.
    #[tabled(skip)]
    pub ok: bool,
}

/// A line for each record of a scenario with a `planted` section; empty for ordinary runs.
pub fn checker_rows(
    scenarios: &[Arc<ValidatedScenario>],
    records: &[RunRecord],
) -> Vec<CheckerRow> {
    let planted = |record: &RunRecord| {
        let name = &record.scenario.name;
        let scenario = scenarios.iter().find(|scenario| &scenario.spec.name == name)?;
        Some(row(scenario.spec.planted.as_ref()?, &record.delivery))
    };
    records.iter().filter_map(planted).collect()
}

/// The table as text.
pub fn checker_table(rows: &[CheckerRow]) -> String {
    Table::new(rows).with(Style::sharp()).to_string()
}

fn row(planted: &PlantedSpec, delivery: &Delivery) -> CheckerRow {
    let spoke: Vec<CheckerName> = counts(delivery)
        .into_iter()
        .filter(|(_, count)| *count > 0)
        .map(|(checker, _)| checker)
        .collect();
    let silent: Vec<_> =
        planted.caught_by.iter().filter(|checker| !spoke.contains(checker)).collect();
    let wrong: Vec<_> = spoke
        .iter()
        .filter(|checker| {
            !planted.caught_by.contains(checker) && !planted.may_also.contains(checker)
        })
        .collect();
    let incomplete = delivery.observed == 0;
    let result = if incomplete {
        "NOTHING OBSERVED".to_owned()
    } else if !silent.is_empty() {
        format!("MISSED by {silent:?}")
    } else if !wrong.is_empty() {
        format!("FALSE ALARM of {wrong:?}")
    } else if planted.caught_by.is_empty() {
        "silent".to_owned()
    } else {
        "caught".to_owned()
    };
    let expected: Vec<_> = planted.caught_by.iter().map(|checker| format!("{checker:?}")).collect();
    CheckerRow {
        bug: planted.bug.clone().unwrap_or_else(|| "none".to_owned()),
        expected: if expected.is_empty() { "-".into() } else { expected.join(", ").to_lowercase() },
        lost: delivery.lost,
        duplicated: delivery.duplicated,
        reordered: delivery.reordered,
        unexpected: delivery.unexpected,
        ok: !incomplete && silent.is_empty() && wrong.is_empty(),
        result,
    }
}

fn counts(delivery: &Delivery) -> [(CheckerName, u64); 4] {
    [
        (CheckerName::Lost, delivery.lost),
        (CheckerName::Duplicated, delivery.duplicated),
        (CheckerName::Reordered, delivery.reordered),
        (CheckerName::Unexpected, delivery.unexpected),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use results::Guarantee;

    fn delivery(lost: u64, duplicated: u64, reordered: u64) -> Delivery {
        Delivery {
            planned: 10,
            sent: 10,
            acknowledged: 10,
            failed: 0,
            unknown: 0,
            observed: 10 - lost,
            lost,
            duplicated,
            reordered,
            unexpected: 0,
            lost_examples: Vec::new(),
            guarantee: Guarantee::AtLeastOnce,
        }
    }

    fn planted(caught_by: &[CheckerName], may_also: &[CheckerName]) -> PlantedSpec {
        PlantedSpec {
            bug: Some("bug".into()),
            caught_by: caught_by.to_vec(),
            may_also: may_also.to_vec(),
        }
    }

    #[test]
    fn the_right_checker_must_speak() {
        use CheckerName::{Duplicated, Lost};
        assert!(row(&planted(&[Lost], &[]), &delivery(1, 0, 0)).ok);
        assert_eq!(row(&planted(&[Lost], &[]), &delivery(0, 0, 0)).result, "MISSED by [Lost]");
        assert!(!row(&planted(&[Lost, Duplicated], &[]), &delivery(1, 0, 0)).ok);
    }

    #[test]
    fn no_other_checker_may_speak_unless_allowed() {
        use CheckerName::{Lost, Reordered};
        let found = delivery(1, 0, 2);
        assert_eq!(row(&planted(&[Lost], &[]), &found).result, "FALSE ALARM of [Reordered]");
        assert!(row(&planted(&[Lost], &[Reordered]), &found).ok);
    }

    #[test]
    fn a_clean_run_must_be_silent_and_have_results() {
        assert_eq!(row(&planted(&[], &[]), &delivery(0, 0, 0)).result, "silent");
        assert!(!row(&planted(&[], &[]), &delivery(0, 1, 0)).ok);
        assert!(!row(&planted(&[], &[]), &delivery(10, 0, 0)).ok);
    }
}
