//! The history gate: is a run worse than those before it, and since when?
//!
//! Each indicator of each strategy is a series over the runs that are comparable. Its last change
//! point ([`changes`]) is held against all others by Holm's procedure, so that the stated error
//! rate is that of the whole gate. What changed for the worse by more than is tolerated fails.

mod words;

use serde::Serialize;

use crate::gate::{Against, GATE_SCHEMA, GateLine, GateResult, Mode};
use crate::history::HistoryEntry;
use crate::objectives::IndicatorName;
use crate::statistics::changes::{ChangePoint, ChangeRules, PART_MIN, change_points};
use crate::statistics::holm;
use crate::verdict::{Verdict, VerdictKind};

/// What is looked at, and whether more of it is better.
const WATCHED: [(IndicatorName, bool); 7] = [
    (IndicatorName::P50Response, false),
    (IndicatorName::P99Response, false),
    (IndicatorName::P999Response, false),
    (IndicatorName::SteadyP99Response, false),
    (IndicatorName::Recovery, false),
    (IndicatorName::Throughput, true),
    (IndicatorName::Cost, false),
];
/// Fewest comparable runs of which anything is said.
pub const HISTORY_RUNS_MIN: usize = 2 * PART_MIN;
/// Most runs that are looked at: what was before is no longer news.
const HISTORY_RUNS_MAX: usize = 200;

/// How a history is judged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct HistoryRules {
    /// The relative change that is tolerated: 0.05 is 5 %.
    pub tolerance: f64,
    /// The probability, at most, of finding any change in a history without one.
    pub alpha: f64,
    /// Seed of the permutations.
    pub seed: u64,
}

impl Default for HistoryRules {
    /// 5 % tolerated at an error rate of 1 %.
    fn default() -> Self {
        HistoryRules { tolerance: 0.05, alpha: 0.01, seed: 1 }
    }
}

/// What a verdict over a history rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HistoryEvidence {
    /// How it was judged.
    pub rules: HistoryRules,
    /// The last change of each series that has one, significant or not.
    pub changes: Vec<Change>,
}

/// The last change of a series.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The strategy.
    pub strategy: String,
    /// The indicator.
    pub indicator: IndicatorName,
    /// The median since the change before this one, or the start, in the indicator's unit.
    pub before: f64,
    /// The median since this change.
    pub after: f64,
    /// The probability of so large a change in a series without one.
    pub p_value: f64,
    /// Whether it holds among all series that were looked at.
    pub is_significant: bool,
    /// Whether it is for the worse.
    pub is_worse: bool,
    /// Revision of the last run before it.
    pub last_before: String,
    /// Revision of the first run after it.
    pub first_after: String,
    /// The first run after it.
    pub run: String,
    /// Runs since.
    pub runs_after: usize,
}

/// One indicator of one strategy over comparable runs.
struct Series<'a> {
    indicator: IndicatorName,
    more_is_better: bool,
    /// Runs in which it was measured, with its values.
    runs: Vec<&'a HistoryEntry>,
    values: Vec<f64>,
    /// Comparable runs in which it was not.
    unmeasured: usize,
    newest: &'a HistoryEntry,
}

/// The verdict over the newest runs, one entry a strategy, by the `entries` of a history in order,
/// which include them or not.
pub fn history(
    entries: &[HistoryEntry],
    newest: &[HistoryEntry],
    rules: &HistoryRules,
) -> GateResult {
    let series: Vec<Series<'_>> =
        newest.iter().flat_map(|newest| series(entries, newest)).collect();
    let points: Vec<Option<ChangePoint>> = {
        let rules = change_rules(rules, series.len());
        series.iter().map(|series| series.last_step(&rules)).collect()
    };
    let p_values: Vec<f64> =
        points.iter().map(|point| point.as_ref().map_or(1.0, |point| point.p_value)).collect();
    let significant = holm(&p_values, rules.alpha);
    let mut changes = Vec::new();
    let mut lines = Vec::new();
    for ((series, point), is_significant) in series.iter().zip(&points).zip(significant) {
        let change = point.as_ref().map(|point| series.change(point, is_significant));
        lines.push(series.line(change.as_ref(), rules));
        changes.extend(change);
    }
    GateResult {
        schema: GATE_SCHEMA,
        mode: Mode::History,
        verdict: verdict(&lines, &changes),
        warnings: Vec::new(),
        lines,
        duet: None,
        history: Some(HistoryEvidence { rules: *rules, changes }),
    }
}

/// Enough permutations for Holm's smallest level, which is that of one series among all.
fn change_rules(rules: &HistoryRules, series: usize) -> ChangeRules {
    let permutations = (2.0 * series.max(1) as f64 / rules.alpha).ceil() as u32 - 1;
    ChangeRules { alpha: rules.alpha, permutations, seed: rules.seed }
}

/// The series of the newest run of a strategy; without those that nobody ever measured.
fn series<'a>(entries: &'a [HistoryEntry], newest: &'a HistoryEntry) -> Vec<Series<'a>> {
    let mut runs: Vec<&HistoryEntry> =
        entries.iter().filter(|entry| entry.is_comparable(newest)).collect();
    if !runs.iter().any(|entry| entry.is_same(newest)) {
        runs.push(newest);
    }
    let runs = &runs[runs.len().saturating_sub(HISTORY_RUNS_MAX)..];
    let of = |(indicator, more_is_better): (IndicatorName, bool)| {
        let value = |entry: &HistoryEntry| entry.indicators.get(&indicator).copied().flatten();
        let measured: Vec<(&HistoryEntry, f64)> =
            runs.iter().filter_map(|entry| Some((*entry, value(entry)?))).collect();
        let (measured_runs, values): (Vec<_>, Vec<_>) = measured.into_iter().unzip();
        let unmeasured = runs.len() - values.len();
        let series =
            Series { indicator, more_is_better, runs: measured_runs, values, unmeasured, newest };
        (!series.values.is_empty()).then_some(series)
    };
    WATCHED.into_iter().filter_map(of).collect()
}

impl Series<'_> {
    /// The last change of level.
    fn last_step(&self, rules: &ChangeRules) -> Option<ChangePoint> {
        change_points(&self.values, rules).pop()
    }

    fn change(&self, point: &ChangePoint, is_significant: bool) -> Change {
        let revision = |index: usize| self.runs[index].program.git_revision.clone();
        Change {
            strategy: self.newest.strategy.clone(),
            indicator: self.indicator,
            before: point.before,
            after: point.after,
            p_value: point.p_value,
            is_significant,
            is_worse: (point.after > point.before) != self.more_is_better,
            last_before: revision(point.index.saturating_sub(1)),
            first_after: revision(point.index),
            run: self.runs[point.index].run.clone(),
            runs_after: self.values.len() - point.index,
        }
    }

    fn line(&self, change: Option<&Change>, rules: &HistoryRules) -> GateLine {
        let value = self.newest.indicators.get(&self.indicator).copied().flatten();
        let (ok, against, sentence) = self.judge(value, change, rules);
        GateLine {
            strategy: self.newest.strategy.clone(),
            indicator: self.indicator.to_string(),
            against,
            value,
            shown: value.map_or("-".to_owned(), |value| words::value(self.indicator, value)),
            bound: format!("no change by over {} %", words::percent(rules.tolerance)),
            ok,
            sentence,
        }
    }

    fn judge(
        &self,
        value: Option<f64>,
        change: Option<&Change>,
        rules: &HistoryRules,
    ) -> (bool, Against, String) {
        let counted = self.values.len();
        if value.is_none() {
            let sentence = words::unmeasured(self.indicator, counted, self.unmeasured);
            let failed = self.indicator == IndicatorName::Recovery;
            let against = if failed { Against::History } else { Against::Validity };
            return (false, against, sentence);
        }
        if counted < HISTORY_RUNS_MIN {
            let sentence = words::too_few(self.indicator, counted, HISTORY_RUNS_MIN);
            return (false, Against::Validity, sentence);
        }
        let Some(change) = change.filter(|change| change.is_significant) else {
            return (true, Against::History, words::no_change(self.indicator, counted, PART_MIN));
        };
        let is_small = (change.after - change.before).abs() <= rules.tolerance * change.before;
        let sentence = words::change(change, is_small);
        (!change.is_worse || is_small, Against::History, sentence)
    }
}

fn verdict(lines: &[GateLine], changes: &[Change]) -> Verdict {
    let of = |against: Against| {
        let wrong = lines.iter().filter(move |line| !line.ok && line.against == against);
        wrong.map(|line| format!("{}: {}", line.strategy, line.sentence)).collect::<Vec<_>>()
    };
    let (worse, untold) = (of(Against::History), of(Against::Validity));
    if !worse.is_empty() {
        return Verdict { kind: VerdictKind::Fail, reasons: worse };
    }
    if !untold.is_empty() || lines.is_empty() {
        return Verdict { kind: VerdictKind::Inconclusive, reasons: untold };
    }
    let has_changed = |line: &&GateLine| {
        let of = |change: &Change| {
            change.strategy == line.strategy && change.indicator.as_str() == line.indicator
        };
        changes.iter().any(|change| change.is_significant && of(change))
    };
    let mut reasons: Vec<String> = lines
        .iter()
        .filter(has_changed)
        .map(|line| format!("{}: {}", line.strategy, line.sentence))
        .collect();
    reasons.push(format!("None of {} series became worse.", lines.len()));
    Verdict { kind: VerdictKind::Pass, reasons }
}

#[cfg(test)]
mod tests;
