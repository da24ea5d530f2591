//! Which strategy is best by an indicator, and which cannot be told from it: a difference that is
//! within what trials of one strategy differ by among themselves is noise.

use crate::comparison::StrategyRow;
use crate::objectives::IndicatorName;
use crate::verdict::VerdictKind;

/// How one strategy stands by one indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Every trial is better than every trial of each strategy that is not [`Standing::Alike`].
    Best,
    /// Its trials and those of the best overlap.
    Alike,
    /// The best single trial, which says nothing about the spread.
    BestOfSingles,
    /// None of these.
    Other,
}

/// The standings of all strategies of a scenario, and what is to be said about the row.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Standings {
    /// One a strategy, in the order of the rows.
    pub(super) each: Vec<Standing>,
    /// A few words about all of them; empty when marks say enough.
    pub(super) note: &'static str,
}

/// Finds them. A trial without a value counts as worse than any; a strategy with an invalid trial
/// has no place, since what was measured is not what it claims.
pub(super) fn standings(
    rows: &[&StrategyRow],
    indicator: IndicatorName,
    less_is_better: bool,
) -> Standings {
    let said = |each, note| Standings { each, note };
    let nothing = vec![Standing::Other; rows.len()];
    if rows.len() < 2 {
        return said(nothing, "");
    }
    let ranges: Vec<Option<Range>> =
        rows.iter().map(|row| range(row, indicator, less_is_better)).collect();
    if ranges.iter().flatten().count() < 2 && rows.iter().any(|row| !is_valid(row)) {
        return said(nothing, "");
    }
    let best = ranges.iter().flatten().min_by(|a, b| a.median.total_cmp(&b.median));
    let Some(best) = best.copied() else { return said(nothing, "") };
    let equal = |range: &Range| (range.low, range.high) == (best.low, best.high);
    if ranges.iter().all(|range| range.as_ref().is_some_and(equal)) {
        return said(nothing, "all alike");
    }
    let of = |range: &Option<Range>| match range {
        Some(range) if range.median == best.median && equal(range) => Standing::Best,
        Some(range) if range.low <= best.high => Standing::Alike,
        _ => Standing::Other,
    };
    let each: Vec<Standing> = ranges.iter().map(of).collect();
    if each.iter().all(|standing| *standing != Standing::Other) {
        return said(nothing, "differences are noise");
    }
    if rows.iter().all(|row| row.trials.len() == 1) {
        let single = |standing: &Standing| match standing {
            Standing::Best => Standing::BestOfSingles,
            _ => Standing::Other,
        };
        return said(each.iter().map(single).collect(), "");
    }
    said(each, "")
}

fn is_valid(row: &StrategyRow) -> bool {
    row.verdict.kind != VerdictKind::Invalid
}

/// A strategy's values, turned so that less is better.
#[derive(Clone, Copy)]
struct Range {
    median: f64,
    low: f64,
    high: f64,
}

fn range(row: &StrategyRow, indicator: IndicatorName, less_is_better: bool) -> Option<Range> {
    if !is_valid(row) {
        return None;
    }
    let summary = row.summary(indicator);
    let (median, min, max) = (summary.value?, summary.min?, summary.max?);
    if less_is_better {
        let high = if summary.absent() > 0 { f64::INFINITY } else { max };
        Some(Range { median, low: min, high })
    } else {
        let high = if summary.absent() > 0 { f64::INFINITY } else { -min };
        Some(Range { median: -median, low: -max, high })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comparison::Comparison;
    use crate::sample::Sample;

    /// Standings by p99 of strategies A, B, …, from the response times of their trials.
    fn by_p99(strategies: &[&[i64]]) -> Standings {
        let names = ["A", "B", "C"];
        let records: Vec<_> = strategies
            .iter()
            .zip(names)
            .flat_map(|(trials, name)| {
                (1..).zip(*trials).map(move |(repetition, us)| {
                    Sample { response_us: *us, ..Sample::new(name, repetition) }.record()
                })
            })
            .collect();
        let comparison = Comparison::from_records(&records).unwrap();
        let rows: Vec<&StrategyRow> = comparison.rows.iter().collect();
        standings(&rows, IndicatorName::P99Response, true)
    }

    #[test]
    fn what_overlaps_with_the_best_is_not_told_from_it() {
        use Standing::{Alike, Best, Other};
        let three = by_p99(&[&[8_000, 9_000], &[8_500, 12_000], &[20_000, 21_000]]);
        assert_eq!(three.each, [Best, Alike, Other]);
        let two = by_p99(&[&[8_000, 12_000], &[9_000, 14_000]]);
        assert_eq!((two.each, two.note), (vec![Other, Other], "differences are noise"));
        assert_eq!(by_p99(&[&[8_000, 9_000], &[8_000, 9_000]]).note, "all alike");
    }

    #[test]
    fn single_trials_have_a_lowest_and_no_best() {
        use Standing::{BestOfSingles, Other};
        assert_eq!(by_p99(&[&[9_000], &[8_000]]).each, [Other, BestOfSingles]);
        assert_eq!(by_p99(&[&[9_000]]).each, [Other]);
    }

    #[test]
    fn invalid_trials_are_not_ranked() {
        let trial =
            |strategy, response_us| Sample { response_us, ..Sample::new(strategy, 1) }.record();
        let mut records = [trial("A", 8_000), trial("B", 9_000), trial("C", 10_000)];
        records[0].verdict.kind = VerdictKind::Invalid;
        let found = |records: &[crate::record::RunRecord]| {
            let comparison = Comparison::from_records(records).unwrap();
            let rows: Vec<&StrategyRow> = comparison.rows.iter().collect();
            standings(&rows, IndicatorName::P99Response, true).each
        };
        use Standing::{BestOfSingles, Other};
        assert_eq!(found(&records), [Other, BestOfSingles, Other]);
        assert_eq!(found(&records[..2]), [Other, Other]);
    }

    #[test]
    fn a_trial_without_a_value_is_worse_than_any() {
        let trial = |strategy, repetition, recovery_s| {
            Sample { recovery_s, ..Sample::new(strategy, repetition) }.record()
        };
        let records = [
            trial("A", 1, Some(2.0)),
            trial("A", 2, Some(3.0)),
            trial("A", 3, None),
            trial("B", 1, Some(9.0)),
        ];
        let comparison = Comparison::from_records(&records).unwrap();
        let rows: Vec<&StrategyRow> = comparison.rows.iter().collect();
        let found = standings(&rows, IndicatorName::Recovery, true);
        assert_eq!(found.note, "differences are noise");
    }
}
