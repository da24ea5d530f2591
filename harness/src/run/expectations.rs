//! The table of expectations: what the checkers had to find in each trial, and what they found.
//!
//! It proves that the checkers bite: planted bugs are caught by the right one, clean runs are
//! silent, and what brokers lose is reported, exactly.

use crate::oracle::Checker;
use crate::scenario::ValidatedScenario;
use crate::scenario::delivery::{Amount, DeliverySpec, ExpectedLoss, ExpectedSpec};
use crate::scenario::spec::ScenarioSpec;
use results::{Delivery, FaultState, HarnessChecks, RunRecord, SourceAudit};
use std::sync::Arc;
use tabled::{Table, Tabled, settings::Style};

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq, Tabled)]
pub struct ExpectationRow {
    /// The scenario.
    pub scenario: String,
    /// How messages are acknowledged and processed, and the planted bug if there is one.
    pub setting: String,
    /// What must be found.
    pub expected: String,
    /// What the checkers counted.
    #[tabled(rename = "found")]
    pub counts: String,
    /// Acknowledged messages that the source log lacks at the end, where it was read.
    #[tabled(rename = "lost by brokers")]
    pub lost_by_brokers: String,
    /// `as expected`, or what went wrong.
    pub result: String,
    /// Whether the line is as it must be.
    #[tabled(skip)]
    pub ok: bool,
}

/// A line for each record of a scenario that says what it expects; empty for ordinary runs.
pub fn expectation_rows(
    scenarios: &[Arc<ValidatedScenario>],
    records: &[RunRecord],
) -> Vec<ExpectationRow> {
    let row_of = |record: &RunRecord| {
        let name = &record.scenario.name;
        let scenario = scenarios.iter().find(|scenario| &scenario.spec.name == name)?;
        let expected = scenario.spec.expected?;
        let found = (&record.delivery, &record.health.checks);
        Some(row(name, &setting(&scenario.spec), expected, found, spoiled(record)))
    };
    records.iter().filter_map(row_of).collect()
}

/// The table as text.
pub fn expectation_table(rows: &[ExpectationRow]) -> String {
    Table::new(rows).with(Style::sharp()).to_string()
}

/// What keeps a trial from proving anything.
fn spoiled(record: &RunRecord) -> Vec<String> {
    let missed = record.faults.iter().filter(|fault| fault.state != FaultState::Landed);
    let missed = missed.map(|fault| format!("{} DID NOT LAND", fault.name));
    missed.chain(record.health.spoiled.iter().cloned()).collect()
}

fn setting(spec: &ScenarioSpec) -> String {
    let DeliverySpec { processing, acks, .. } = spec.delivery;
    let mut lines = vec![format!("acks {}, {}", acks.as_str(), processing.words())];
    lines.extend(spec.planted.clone());
    lines.join("\n")
}

fn row(
    scenario: &str,
    setting: &str,
    expected: ExpectedSpec,
    (delivery, checks): (&Delivery, &HarnessChecks),
    mut wrong: Vec<String>,
) -> ExpectationRow {
    if delivery.observed == 0 {
        wrong.push("NOTHING OBSERVED".to_owned());
    }
    let mut counts = Vec::new();
    for checker in Checker::ALL {
        let (name, amount) = (checker.as_str(), expected.amount(checker));
        let count = checker.count(delivery, checks);
        if count > 0 {
            counts.push(format!("{name}: {count}"));
        }
        match (amount, amount.holds(count)) {
            (_, true) => {}
            (Amount::Some, false) => wrong.push(format!("{name} MISSED")),
            (_, false) => wrong.push(format!("{name} NOT EXPECTED")),
        }
    }
    let explained = |audit: SourceAudit| audit.explains(delivery.lost);
    if expected.lost == ExpectedLoss::ByBrokers && !delivery.audit.is_some_and(explained) {
        wrong.push("lost IS NOT WHAT THE BROKERS LOST".to_owned());
    }
    let absent = delivery.audit.map(|audit| audit.absent.to_string());
    ExpectationRow {
        scenario: scenario.to_owned(),
        setting: setting.to_owned(),
        expected: words(expected),
        counts: lines(&counts),
        lost_by_brokers: absent.unwrap_or_else(|| "-".to_owned()),
        ok: wrong.is_empty(),
        result: if wrong.is_empty() { "as expected".to_owned() } else { wrong.join("\n") },
    }
}

fn words(expected: ExpectedSpec) -> String {
    let word = |checker: Checker| match (checker, expected.lost) {
        (Checker::Lost, ExpectedLoss::ByBrokers) => Some("what the brokers lost"),
        _ => expected.amount(checker).word(),
    };
    let words: Vec<_> = Checker::ALL
        .into_iter()
        .filter_map(|checker| word(checker).map(|word| format!("{}: {word}", checker.as_str())))
        .collect();
    lines(&words)
}

fn lines(words: &[String]) -> String {
    if words.is_empty() { "nothing".to_owned() } else { words.join("\n") }
}

#[cfg(test)]
mod tests;
