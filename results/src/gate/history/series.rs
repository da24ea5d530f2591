//! One indicator of one strategy, run after run, and where its level stepped.

use crate::gate::Change;
use crate::history::HistoryEntry;
use crate::objectives::IndicatorName;
use crate::statistics::changes::{ChangePoint, ChangeRules, change_points};

/// What is looked at, and whether more of it is better.
const WATCHED: [(IndicatorName, bool); 8] = [
    (IndicatorName::P50Response, false),
    (IndicatorName::P99Response, false),
    (IndicatorName::P999Response, false),
    (IndicatorName::SteadyP99Response, false),
    (IndicatorName::Recovery, false),
    (IndicatorName::Lost, false),
    (IndicatorName::Throughput, true),
    (IndicatorName::Cost, false),
];
/// Most runs that are looked at: what was before is no longer news.
const RUNS_MAX: usize = 200;

/// One indicator of one strategy over comparable runs, up to the one that is judged.
pub(super) struct Series<'a> {
    pub(super) indicator: IndicatorName,
    more_is_better: bool,
    /// The run that is judged.
    pub(super) newest: &'a HistoryEntry,
    /// Runs in which it was measured, oldest first.
    runs: Vec<&'a HistoryEntry>,
    /// Their values; what never recovered has one above all that did.
    values: Vec<f64>,
    /// The greatest number that was measured; absent when the system never recovered in any run.
    greatest: Option<f64>,
    /// Comparable runs in which it was not measured.
    pub(super) unmeasured: usize,
}

impl<'a> Series<'a> {
    /// The series that end with the `newest` run of a strategy; without what nobody ever measured.
    pub(super) fn up_to(newest: &'a HistoryEntry, entries: &'a [HistoryEntry]) -> Vec<Series<'a>> {
        let runs = runs_up_to(newest, entries);
        let of = |(indicator, more_is_better): (IndicatorName, bool)| {
            let (measured, values): (Vec<_>, Vec<_>) =
                runs.iter().filter_map(|run| Some((*run, value(run, indicator)?))).unzip();
            let greatest = values.iter().copied().filter(|v| f64::is_finite(*v)).reduce(f64::max);
            let never = 2.0 * greatest.unwrap_or(0.0) + 1.0;
            let values: Vec<f64> = values.iter().map(|value| never.min(*value)).collect();
            let unmeasured = runs.len() - values.len();
            (!values.is_empty()).then_some(Series {
                indicator,
                more_is_better,
                newest,
                runs: measured,
                values,
                greatest,
                unmeasured,
            })
        };
        WATCHED.into_iter().filter_map(of).collect()
    }

    /// In how many runs it was measured.
    pub(super) fn measured(&self) -> usize {
        self.values.len()
    }

    /// Whether the system did not recover in the newest run, but in one before.
    pub(super) fn recovers_no_more(&self) -> bool {
        value(self.newest, self.indicator) == Some(f64::INFINITY) && self.greatest.is_some()
    }

    /// Whether it was measured in the newest run.
    pub(super) fn is_known(&self) -> bool {
        value(self.newest, self.indicator).is_some()
    }

    /// Its steps.
    pub(super) fn steps(&self, rules: &ChangeRules) -> Vec<ChangePoint> {
        change_points(&self.values, rules)
    }

    /// What the steps come to. When the last level is worse than the best by more than the
    /// `tolerance`, that is the change, however many steps it took; otherwise the last step is.
    pub(super) fn change(&self, steps: &[ChangePoint], tolerance: f64) -> Option<Change> {
        let last = steps.last()?;
        let badness = |level: f64| if self.more_is_better { -level } else { level };
        let worse_by = |before: f64, after: f64| badness(after) - badness(before);
        let best = (0..steps.len())
            .rev()
            .min_by(|a, b| badness(steps[*a].before).total_cmp(&badness(steps[*b].before)))?;
        let lasting = worse_by(steps[best].before, last.after) > tolerance * steps[best].before;
        let steps = if lasting { &steps[best..] } else { &steps[steps.len() - 1..] };
        let largest = steps
            .iter()
            .max_by(|a, b| worse_by(a.before, a.after).total_cmp(&worse_by(b.before, b.after)))?;
        let (before, after) = (steps[0].before, last.after);
        let revision = |index: usize| self.runs[index].program.git_revision.clone();
        Some(Change {
            strategy: self.newest.strategy.clone(),
            indicator: self.indicator,
            before: self.number(before),
            after: self.number(after),
            steps: steps.len(),
            is_worse: worse_by(before, after) > 0.0,
            is_tolerated: (after - before).abs() <= tolerance * before,
            p_value: largest.p_value,
            last_before: revision(largest.index.saturating_sub(1)),
            first_after: revision(largest.index),
            run: self.runs[largest.index].run.clone(),
            runs_after: self.values.len() - largest.index,
        })
    }

    /// A level as it was measured.
    fn number(&self, level: f64) -> Option<f64> {
        self.greatest.filter(|greatest| level <= *greatest).map(|_| level)
    }
}

/// The comparable runs by the time of their start, up to the `newest`, which may not be the
/// newest of the file.
fn runs_up_to<'a>(newest: &'a HistoryEntry, entries: &'a [HistoryEntry]) -> Vec<&'a HistoryEntry> {
    let mut runs: Vec<&HistoryEntry> =
        entries.iter().filter(|entry| entry.is_comparable(newest)).collect();
    runs.sort_by(|a, b| a.started_at.cmp(&b.started_at));
    let end = runs.iter().position(|run| run.is_same(newest));
    let end = end.unwrap_or_else(|| runs.partition_point(|r| r.started_at <= newest.started_at));
    runs.truncate(end);
    runs.push(newest);
    runs.drain(..runs.len().saturating_sub(RUNS_MAX));
    runs
}

/// What a run measured; infinite when a fault landed and the system never recovered.
fn value(run: &HistoryEntry, indicator: IndicatorName) -> Option<f64> {
    let measured = |indicator| run.indicators.get(&indicator).copied().flatten();
    let never =
        indicator == IndicatorName::Recovery && measured(IndicatorName::NoProgress).is_some();
    measured(indicator).or(never.then_some(f64::INFINITY))
}
