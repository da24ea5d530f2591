//! Which trials a scenario has, strategy by strategy, and which of them is drawn boldly.

use std::collections::BTreeMap;

use crate::comparison::{Comparison, StrategyRow};
use crate::latencies::Latencies;
use crate::ranking::Section;
use crate::record::RunRecord;
use crate::series::SeriesRow;

use super::escape::clipped;
use super::look::Look;

/// The most strategies of a scenario that are drawn.
pub(super) const STRATEGIES_MAX: usize = 12;

/// The longest name of a strategy, in characters.
const NAME_CHARACTERS: usize = 60;

/// One scenario of the report.
pub(super) struct Scenario<'a> {
    /// What ids in its section begin with.
    pub(super) id: String,
    /// Its name.
    pub(super) name: &'a str,
    /// Its strategies, by name.
    pub(super) strategies: Vec<Strategy<'a>>,
    /// How they rank against each other, noise called noise.
    pub(super) ranking: Section,
    /// The job's objective for the response p99, where it is known.
    pub(super) objective_ms: Option<f64>,
    /// Strategies beyond [`STRATEGIES_MAX`], which are left out.
    pub(super) left_out: usize,
}

/// One strategy's trials of a scenario.
pub(super) struct Strategy<'a> {
    /// Its figures.
    pub(super) row: &'a StrategyRow,
    /// How it looks.
    pub(super) look: Look,
    /// Its records, by repetition; there is one at least.
    pub(super) trials: Vec<&'a RunRecord>,
    /// The index of the median trial by response p99; of an even number, the faster of the middle.
    pub(super) median: usize,
    /// The response times of each trial; empty when they cannot be read.
    pub(super) responses: Vec<Latencies>,
}

impl Strategy<'_> {
    /// Its name, of a length that can be shown.
    pub(super) fn name(&self) -> String {
        clipped(&self.row.strategy, NAME_CHARACTERS)
    }

    /// The trial that is drawn boldly.
    pub(super) fn median_trial(&self) -> &RunRecord {
        self.trials[self.median]
    }
}

impl<'a> Scenario<'a> {
    /// The scenarios of a comparison, the first `most` of them.
    pub(super) fn all(
        comparison: &'a Comparison,
        records: &'a [RunRecord],
        objectives_ms: &BTreeMap<String, f64>,
        most: usize,
    ) -> Vec<Scenario<'a>> {
        let mut names: Vec<&str> =
            comparison.rows.iter().map(|row| row.strategy.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let look = |name: &str| Look::of(names.binary_search(&name).unwrap_or(0));
        let scenarios = comparison.scenarios();
        let one = |(index, name): (usize, &&'a str)| {
            let rows = comparison.rows.iter().filter(|row| row.scenario == **name);
            let all: Vec<Strategy<'a>> = rows
                .take(STRATEGIES_MAX)
                .filter_map(|row| strategy(row, look(&row.strategy), records))
                .collect();
            let rows = comparison.rows.iter().filter(|row| row.scenario == **name).count();
            let left_out = rows - all.len();
            let own = records.iter().filter(|record| record.scenario.name == **name);
            let ranking = Section::of_strategies(&own.collect::<Vec<_>>());
            Scenario {
                id: format!("s{}", index + 1),
                name,
                strategies: all,
                ranking,
                objective_ms: objectives_ms.get(*name).copied(),
                left_out,
            }
        };
        scenarios.iter().take(most).enumerate().map(one).collect()
    }

    /// Every record that is shown.
    pub(super) fn records(&self) -> impl Iterator<Item = &'a RunRecord> + '_ {
        self.strategies.iter().flat_map(|strategy| strategy.trials.iter().copied())
    }

    /// Every second of every trial.
    pub(super) fn seconds(&self) -> impl Iterator<Item = &'a SeriesRow> + '_ {
        self.records().flat_map(|record| &record.series)
    }

    /// The most trials that a strategy has.
    pub(super) fn trials_max(&self) -> usize {
        self.strategies.iter().map(|strategy| strategy.trials.len()).max().unwrap_or(0)
    }

    /// The last second of any trial, from load start.
    pub(super) fn end_s(&self) -> f64 {
        self.seconds().map(|row| row.t_s).fold(1.0, f64::max)
    }
}

fn strategy<'a>(
    row: &'a StrategyRow,
    look: Look,
    records: &'a [RunRecord],
) -> Option<Strategy<'a>> {
    let mut trials: Vec<&RunRecord> = records
        .iter()
        .filter(|record| record.scenario.name == row.scenario && record.strategy == row.strategy)
        .collect();
    trials.sort_by_key(|trial| (trial.repetition, &trial.run));
    let median = median_index(&trials)?;
    let responses =
        trials.iter().map(|trial| trial.response.decode().unwrap_or_default()).collect();
    Some(Strategy { row, look, trials, median, responses })
}

/// The trial in the middle by response p99, of which one without results is slower than any.
fn median_index(trials: &[&RunRecord]) -> Option<usize> {
    let p99 = |index: &usize| trials[*index].indicators.p99_ms.unwrap_or(f64::INFINITY);
    let mut order: Vec<usize> = (0..trials.len()).collect();
    order.sort_by(|a, b| p99(a).total_cmp(&p99(b)));
    order.get(trials.len().saturating_sub(1) / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Sample, records};

    #[test]
    fn the_median_trial_is_the_middle_one_by_p99() {
        let trial = |repetition, response_us| {
            Sample { response_us, ..Sample::new("A", repetition) }.record()
        };
        let mut trials = [trial(1, 9_000), trial(2, 5_000), trial(3, 7_000), trial(4, 8_000)];
        let median =
            |trials: &[RunRecord]| median_index(&trials.iter().collect::<Vec<&RunRecord>>());
        assert_eq!(median(&trials[..1]), Some(0));
        assert_eq!(median(&trials[..3]), Some(2));
        assert_eq!(median(&trials), Some(2));
        trials[2].indicators.p99_ms = None;
        assert_eq!(median(&trials[..3]), Some(0));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn strategies_keep_their_look_in_every_scenario() {
        let mut records = records();
        records[1].scenario.name = "calm".to_owned();
        let comparison = Comparison::from_records(&records).unwrap();
        let scenarios = Scenario::all(&comparison, &records, &BTreeMap::new(), 9);
        let looks = |index: usize| -> Vec<(String, Look)> {
            scenarios[index].strategies.iter().map(|s| (s.name(), s.look)).collect()
        };
        assert_eq!(
            looks(0),
            [("Swift".to_owned(), Look::of(0)), ("Thrifty".to_owned(), Look::of(1))]
        );
        assert_eq!(looks(1), [("Swift".to_owned(), Look::of(0))]);
        assert_eq!(scenarios[0].end_s(), 20.0);
    }
}
