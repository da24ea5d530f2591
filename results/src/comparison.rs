//! Trials side by side: a row for each strategy (of each scenario), every value kept.
//!
//! A row shows the median over its trials, with the least and the greatest value. Counts of
//! messages (lost, duplicated, …) show the worst trial instead: a loss in one of three trials is
//! a loss. The verdict of a row is the worst of its trials.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::objectives::IndicatorName;
use crate::record::RunRecord;
use crate::statistics::median;
use crate::verdict::{Verdict, VerdictKind};

/// The version of the comparison that is written as JSON.
pub const COMPARISON_SCHEMA: &str = "stormgauge.dev/comparison/v1";

/// Trials side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The version of this format, [`COMPARISON_SCHEMA`].
    pub schema: &'static str,
    /// The worst verdict of all rows, with the reasons of every row that did not pass.
    pub verdict: Verdict,
    /// A row for each strategy of each scenario: scenarios as they came, strategies by name.
    pub rows: Vec<StrategyRow>,
}

/// One strategy's trials of one scenario.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StrategyRow {
    /// The scenario's name.
    pub scenario: String,
    /// The strategy.
    pub strategy: String,
    /// The worst verdict of the trials, with the reasons of the trials that have it.
    pub verdict: Verdict,
    /// The trials, by repetition; the values of every summary are in this order.
    pub trials: Vec<TrialRow>,
    /// Trials in which a fault landed and the system did not recover from it.
    pub never_recovered: usize,
    /// The currency of the cost; empty without a price.
    pub currency: String,
    /// Every indicator.
    pub indicators: BTreeMap<IndicatorName, Summary>,
}

/// One trial of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrialRow {
    /// The trial's name.
    pub trial: String,
    /// Its repetition, from 1.
    pub repetition: u32,
    /// Its seed.
    pub seed: u64,
    /// Its verdict.
    pub verdict: VerdictKind,
}

/// An indicator over the trials of a row, in the indicator's unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// The median, or for counts of messages the worst; absent when half of the trials or more
    /// have no value (a trial that never recovered counts as slower than any).
    pub value: Option<f64>,
    /// The least value.
    pub min: Option<f64>,
    /// The greatest value.
    pub max: Option<f64>,
    /// Every trial's value; absent where it was not measured, or the trial never recovered.
    pub values: Vec<Option<f64>>,
}

impl Summary {
    /// Summarizes one value a trial.
    pub fn new(indicator: IndicatorName, values: Vec<Option<f64>>) -> Summary {
        let measured = || values.iter().flatten().copied();
        let min = measured().reduce(f64::min);
        let max = measured().reduce(f64::max);
        let value = if indicator.counts_messages() { max } else { median_of_trials(&values) };
        Summary { value, min, max, values }
    }

    /// Trials without a value.
    pub fn absent(&self) -> usize {
        self.values.iter().filter(|value| value.is_none()).count()
    }
}

/// The median, in which a trial without a value counts as worse than any.
pub(crate) fn median_of_trials(values: &[Option<f64>]) -> Option<f64> {
    let all: Vec<f64> = values.iter().map(|value| value.unwrap_or(f64::INFINITY)).collect();
    median(&all).filter(|median| median.is_finite())
}

/// Why records cannot stand side by side.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ComparisonError {
    /// There is nothing to compare.
    #[error("no run records to compare")]
    Empty,
    /// One name, two meanings.
    #[error("scenario {name}: records have two digests, {first} and {second}; compare runs of one")]
    Digests {
        /// The scenario's name.
        name: String,
        /// The digest of the first record.
        first: String,
        /// A digest that differs.
        second: String,
    },
    /// One trial is there twice.
    #[error(
        "run {run}: scenario {scenario}, strategy {strategy}, repetition {repetition} \
         is there twice"
    )]
    Twice {
        /// The run.
        run: String,
        /// The scenario.
        scenario: String,
        /// The strategy.
        strategy: String,
        /// The repetition.
        repetition: u32,
    },
}

impl Comparison {
    /// Puts records side by side.
    ///
    /// # Errors
    /// When there are none, when scenarios of one name have two digests, or when a trial is there
    /// twice.
    pub fn from_records(records: &[RunRecord]) -> Result<Comparison, ComparisonError> {
        check(records)?;
        let rows: Vec<StrategyRow> = groups(records).iter().map(|group| row(group)).collect();
        Ok(Comparison { schema: COMPARISON_SCHEMA, verdict: overall(&rows), rows })
    }

    /// Whether the rows are of more than one scenario.
    pub fn has_scenarios(&self) -> bool {
        self.rows.iter().any(|row| row.scenario != self.rows[0].scenario)
    }

    /// The scenarios' names, in order.
    pub fn scenarios(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.rows.iter().map(|row| row.scenario.as_str()).collect();
        names.dedup();
        names
    }
}

impl StrategyRow {
    /// The summary of an indicator.
    pub fn summary(&self, indicator: IndicatorName) -> &Summary {
        &self.indicators[&indicator]
    }
}

fn check(records: &[RunRecord]) -> Result<(), ComparisonError> {
    if records.is_empty() {
        return Err(ComparisonError::Empty);
    }
    let mut digests = BTreeMap::new();
    let mut trials = BTreeSet::new();
    for record in records {
        let scenario = &record.scenario;
        let first = *digests.entry(&scenario.name).or_insert(&scenario.digest);
        if *first != scenario.digest {
            return Err(ComparisonError::Digests {
                name: scenario.name.clone(),
                first: first.clone(),
                second: scenario.digest.clone(),
            });
        }
        if !trials.insert((&record.run, &scenario.name, &record.strategy, record.repetition)) {
            return Err(ComparisonError::Twice {
                run: record.run.clone(),
                scenario: scenario.name.clone(),
                strategy: record.strategy.clone(),
                repetition: record.repetition,
            });
        }
    }
    Ok(())
}

/// The records of each row, in the rows' order, each group by repetition.
pub(crate) fn groups(records: &[RunRecord]) -> Vec<Vec<&RunRecord>> {
    let mut scenarios: Vec<&str> = Vec::new();
    let mut groups: BTreeMap<(usize, &str), Vec<&RunRecord>> = BTreeMap::new();
    for record in records {
        let name = record.scenario.name.as_str();
        let index = scenarios.iter().position(|known| *known == name).unwrap_or_else(|| {
            scenarios.push(name);
            scenarios.len() - 1
        });
        groups.entry((index, &record.strategy)).or_default().push(record);
    }
    let mut groups: Vec<Vec<&RunRecord>> = groups.into_values().collect();
    for group in &mut groups {
        group.sort_by_key(|record| (record.repetition, &record.run));
    }
    groups
}

fn row(trials: &[&RunRecord]) -> StrategyRow {
    let indicators = IndicatorName::ALL.into_iter().map(|indicator| {
        let values = trials.iter().map(|trial| indicator.value(&trial.indicators)).collect();
        (indicator, Summary::new(indicator, values))
    });
    let first = trials[0];
    StrategyRow {
        scenario: first.scenario.name.clone(),
        strategy: first.strategy.clone(),
        verdict: worst_of(trials),
        trials: trials.iter().map(|trial| trial_row(trial)).collect(),
        never_recovered: trials.iter().filter(|trial| never_recovered(trial)).count(),
        currency: first.indicators.currency.clone(),
        indicators: indicators.collect(),
    }
}

/// Whether a fault landed and the system did not recover from it.
pub(crate) fn never_recovered(trial: &RunRecord) -> bool {
    trial.indicators.recovery_s.is_none() && trial.evidence().has_landed_fault()
}

fn trial_row(trial: &RunRecord) -> TrialRow {
    TrialRow {
        trial: trial.trial.clone(),
        repetition: trial.repetition,
        seed: trial.seed,
        verdict: trial.verdict.kind,
    }
}

fn worst_of(trials: &[&RunRecord]) -> Verdict {
    let kind = trials.iter().map(|t| t.verdict.kind).max().unwrap_or(VerdictKind::Invalid);
    if kind == VerdictKind::Pass {
        let reason = match trials.len() {
            1 => "Its trial kept every bound.".to_owned(),
            2 => "Both trials kept every bound.".to_owned(),
            many => format!("All {many} trials kept every bound."),
        };
        return Verdict { kind, reasons: vec![reason] };
    }
    let reasons = trials.iter().filter(|trial| trial.verdict.kind == kind).flat_map(|trial| {
        trial.verdict.reasons.iter().map(move |reason| match trials.len() {
            1 => reason.clone(),
            _ => format!("Repetition {}: {reason}", trial.repetition),
        })
    });
    Verdict { kind, reasons: reasons.collect() }
}

fn overall(rows: &[StrategyRow]) -> Verdict {
    let kind = rows.iter().map(|row| row.verdict.kind).max().unwrap_or(VerdictKind::Invalid);
    let several_scenarios = rows.iter().any(|row| row.scenario != rows[0].scenario);
    let wanted =
        |row: &&StrategyRow| kind == VerdictKind::Pass || row.verdict.kind > VerdictKind::Pass;
    let reasons = rows.iter().filter(wanted).flat_map(|row| {
        row.verdict.reasons.iter().map(move |reason| {
            if several_scenarios {
                format!("{}, {}: {reason}", row.scenario, row.strategy)
            } else {
                format!("{}: {reason}", row.strategy)
            }
        })
    });
    Verdict { kind, reasons: reasons.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Sample, records};

    #[test]
    fn a_row_keeps_every_value_and_shows_the_median_or_the_worst() {
        let comparison = Comparison::from_records(&records()).unwrap();
        let strategies: Vec<&str> = comparison.rows.iter().map(|r| r.strategy.as_str()).collect();
        assert_eq!(strategies, ["Swift", "Thrifty"]);
        let thrifty = &comparison.rows[1];
        assert_eq!(thrifty.summary(IndicatorName::Recovery).value, Some(10.0));
        assert_eq!(
            thrifty.summary(IndicatorName::Duplicated),
            &Summary {
                value: Some(12.0),
                min: Some(0.0),
                max: Some(12.0),
                values: vec![Some(12.0), Some(0.0)],
            }
        );
    }

    #[test]
    fn a_trial_that_never_recovered_counts_as_slower_than_any() {
        let summary = |values| Summary::new(IndicatorName::Recovery, values);
        assert_eq!(summary(vec![Some(3.0), None, Some(5.0)]).value, Some(5.0));
        let mostly_never = summary(vec![Some(3.0), None, None]);
        assert_eq!((mostly_never.value, mostly_never.absent()), (None, 2));
        assert_eq!(mostly_never.max, Some(3.0));
    }

    #[test]
    fn one_failed_trial_fails_its_strategy_and_the_comparison() {
        let mut records = records();
        records[3].verdict =
            Verdict { kind: VerdictKind::Fail, reasons: vec!["It was slow.".to_owned()] };
        records[1].verdict =
            Verdict { kind: VerdictKind::Invalid, reasons: vec!["No fault.".to_owned()] };
        let comparison = Comparison::from_records(&records).unwrap();
        assert_eq!(comparison.rows[0].verdict.kind, VerdictKind::Invalid);
        assert_eq!(comparison.rows[1].verdict.kind, VerdictKind::Fail);
        assert_eq!(
            comparison.verdict,
            Verdict {
                kind: VerdictKind::Fail,
                reasons: vec![
                    "Swift: Repetition 1: No fault.".to_owned(),
                    "Thrifty: Repetition 2: It was slow.".to_owned(),
                ],
            }
        );
    }

    #[test]
    fn records_that_cannot_be_compared_are_refused() {
        let refused = |records: &[RunRecord]| Comparison::from_records(records).unwrap_err();
        assert_eq!(refused(&[]), ComparisonError::Empty);
        let record = Sample::new("A", 1).record();
        let twice = refused(&[record.clone(), record.clone()]).to_string();
        assert!(twice.contains("strategy A, repetition 1 is there twice"), "{twice}");
        let mut other = Sample::new("B", 1).record();
        other.scenario.digest = "sha256:4567".to_owned();
        let digests = refused(&[record, other]).to_string();
        assert!(digests.contains("sha256:0123 and sha256:4567"), "{digests}");
    }

    #[test]
    fn scenarios_of_a_suite_have_rows_of_their_own() {
        let mut other = Sample::new("A", 1).record();
        other.scenario.name = "another".to_owned();
        let comparison = Comparison::from_records(&[other, Sample::new("A", 1).record()]).unwrap();
        assert_eq!(comparison.scenarios(), ["another", "market-open"]);
        assert!(comparison.has_scenarios());
    }
}
