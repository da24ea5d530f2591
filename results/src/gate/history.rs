//! The history gate: is a run worse than those before it, and since when?
//!
//! Each indicator of each strategy is a series over the runs that are comparable. They are
//! searched for steps ([`changes`]) by Holm's procedure, so that the stated error rate is that of
//! the whole gate. A series whose last level is worse than its best by more than is tolerated
//! fails, be it by one step or by many; a slow drift is no step and is not looked for. What no
//! history excuses is judged as in every gate: a newest run that breaks the delivery guarantee
//! fails, and one whose trials did not test what they claim is invalid.
//!
//! [`changes`]: crate::statistics::changes

mod series;
mod words;

use serde::Serialize;

use crate::comparison::groups;
use crate::gate::{Against, GATE_SCHEMA, GateLine, GateResult, Mode, VALIDITY, bounds, validity};
use crate::history::HistoryEntry;
use crate::objectives::IndicatorName;
use crate::record::RunRecord;
use crate::report::format;
use crate::statistics::changes::{ChangePoint, ChangeRules, PART_MIN};
use crate::verdict::{HealthLimits, Verdict, VerdictKind};
use series::Series;

/// Fewest comparable runs of which anything is said.
pub const HISTORY_RUNS_MIN: usize = 2 * PART_MIN;

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
    /// The change of each series that has one.
    pub changes: Vec<Change>,
}

/// How the level of a series has changed: from its best to its last when that is worse by more
/// than is tolerated, and otherwise by its last step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The strategy.
    pub strategy: String,
    /// The indicator.
    pub indicator: IndicatorName,
    /// The level before, a median, in the indicator's unit; absent when the system never recovered.
    pub before: Option<f64>,
    /// The last level, likewise.
    pub after: Option<f64>,
    /// The steps that it took. What follows is of the largest of them, for the worse if it is.
    pub steps: usize,
    /// Whether it is for the worse.
    pub is_worse: bool,
    /// Whether it is within the tolerance.
    pub is_tolerated: bool,
    /// The probability of so large a step in a series without one.
    pub p_value: f64,
    /// Revision of the last run before it.
    pub last_before: String,
    /// Revision of the first run after it.
    pub first_after: String,
    /// The first run after it.
    pub run: String,
    /// Runs since.
    pub runs_after: usize,
}

/// The verdict over the newest runs, one entry a strategy, by the `entries` of a history, which
/// include them or not; runs that started later are left out. `records` are those of which the
/// newest entries were made.
pub fn history(
    entries: &[HistoryEntry],
    newest: &[HistoryEntry],
    records: &[RunRecord],
    rules: &HistoryRules,
) -> GateResult {
    let mut lines = lines_of_run(records);
    let series: Vec<Series<'_>> =
        newest.iter().flat_map(|newest| Series::up_to(newest, entries)).collect();
    let mut changes = Vec::new();
    let mut changed = Vec::new();
    for (series, steps) in series.iter().zip(steps(&series, rules)) {
        let change = series.change(&steps, rules.tolerance);
        let line = line(series, change.as_ref(), rules);
        if change.is_some() && line.ok {
            changed.push(reason(&line));
        }
        lines.push(line);
        changes.extend(change);
    }
    changed.push(words::none_worse(series.len()));
    GateResult {
        schema: GATE_SCHEMA,
        mode: Mode::History,
        verdict: verdict(&lines, changed),
        warnings: Vec::new(),
        lines,
        duet: None,
        history: Some(HistoryEvidence { rules: *rules, changes }),
    }
}

/// What the newest run shows without any history.
fn lines_of_run(records: &[RunRecord]) -> Vec<GateLine> {
    let mut lines = Vec::new();
    for trials in groups(records) {
        let (valid, validity) = validity(&trials, &HealthLimits::default());
        lines.push(validity);
        lines.extend(bounds::guarantee_lines(&valid));
    }
    lines
}

/// The steps of each series, by Holm's procedure: a series in which nothing was found yet is held
/// to alpha over the number of such series, until no more is found.
fn steps(series: &[Series<'_>], rules: &HistoryRules) -> Vec<Vec<ChangePoint>> {
    let mut found = vec![Vec::new(); series.len()];
    loop {
        let open: Vec<usize> = (0..series.len()).filter(|at| found[*at].is_empty()).collect();
        let rules = change_rules(rules, open.len());
        open.iter().for_each(|at| found[*at] = series[*at].steps(&rules));
        if open.iter().all(|at| found[*at].is_empty()) {
            return found;
        }
    }
}

/// The level of each of so many series, and enough permutations for it.
fn change_rules(rules: &HistoryRules, series: usize) -> ChangeRules {
    let alpha = rules.alpha / series.max(1) as f64;
    ChangeRules { alpha, permutations: (2.0 / alpha).ceil() as u32 - 1, seed: rules.seed }
}

fn line(series: &Series<'_>, change: Option<&Change>, rules: &HistoryRules) -> GateLine {
    let value = series.newest.indicators.get(&series.indicator).copied().flatten();
    let shown = || words::value(series.indicator, value);
    let (ok, against, sentence) = judge(series, change);
    GateLine {
        strategy: series.newest.strategy.clone(),
        indicator: series.indicator.to_string(),
        against,
        value,
        shown: if series.is_known() { shown() } else { format::ABSENT.to_owned() },
        bound: format!("no step by over {} %", format::percent(rules.tolerance)),
        ok,
        sentence,
    }
}

fn judge(series: &Series<'_>, change: Option<&Change>) -> (bool, Against, String) {
    let (indicator, measured) = (series.indicator, series.measured());
    if !series.is_known() {
        let sentence = words::unmeasured(indicator, measured, series.unmeasured);
        return (false, Against::Validity, sentence);
    }
    if series.recovers_no_more() {
        return (false, Against::History, words::recovers_no_more(indicator));
    }
    if measured < HISTORY_RUNS_MIN {
        let sentence = words::too_few(indicator, measured, HISTORY_RUNS_MIN);
        return (false, Against::Validity, sentence);
    }
    let Some(change) = change else {
        return (true, Against::History, words::no_step(indicator, measured, PART_MIN));
    };
    (!change.is_worse || change.is_tolerated, Against::History, words::change(change))
}

/// The worst that any line says, and why; `passed` are the reasons for a pass.
fn verdict(lines: &[GateLine], passed: Vec<String>) -> Verdict {
    let kind_of = |line: &GateLine| match line.against {
        _ if line.ok => VerdictKind::Pass,
        Against::Validity if line.indicator == VALIDITY => VerdictKind::Invalid,
        Against::Validity => VerdictKind::Inconclusive,
        _ => VerdictKind::Fail,
    };
    let kind = lines.iter().map(kind_of).max().unwrap_or(VerdictKind::Inconclusive);
    let reasons = match kind {
        VerdictKind::Pass => passed,
        _ => lines.iter().filter(|line| kind_of(line) == kind).map(reason).collect(),
    };
    Verdict { kind, reasons }
}

fn reason(line: &GateLine) -> String {
    format!("{}: {}", line.strategy, line.sentence)
}

#[cfg(test)]
mod tests;
