//! Any runs side by side: contestants ranked, with intervals, and noise called noise.
//!
//! A contestant is one strategy in one run. Times and costs differ by ratios and spread as ratios,
//! so intervals are Student's over the logarithms of the repetitions. Two contestants are compared
//! seed by seed where they share their seeds, and every comparison within a scenario is held
//! against all others (Holm), so that among many a chance difference is not announced.

mod agreement;
mod difference;
mod estimate;
mod section;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::comparison::never_recovered;
use crate::objectives::IndicatorName;
use crate::record::RunRecord;
use crate::verdict::VerdictKind;

pub use agreement::{Agreement, Swap};
pub use difference::Difference;
pub use estimate::Estimate;
pub use section::Section;

/// The version of the ranking that is written as JSON.
pub const RANKING_SCHEMA: &str = "stormgauge.dev/ranking/v1";

/// What contestants are compared by, and what the rank can be by; less is better for each but the
/// throughput.
pub const RANKED: [IndicatorName; 4] = [
    IndicatorName::P99Response,
    IndicatorName::Recovery,
    IndicatorName::Cost,
    IndicatorName::Throughput,
];

/// The most contestants of a scenario: each is compared with each.
pub const CONTESTANTS_MAX: usize = 100;

/// Runs side by side.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ranking {
    /// The version of this format, [`RANKING_SCHEMA`].
    pub schema: &'static str,
    /// What the rank is by.
    pub by: IndicatorName,
    /// A section for each scenario, as they came.
    pub sections: Vec<Section>,
}

/// One strategy in one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contestant {
    /// Its name in tables: the strategy, with run and environment where those differ.
    pub label: String,
    /// The strategy.
    pub strategy: String,
    /// The run.
    pub run: String,
    /// The environment's name.
    pub environment: String,
    /// The revision of the program.
    pub revision: String,
    /// The worst verdict of its trials.
    pub verdict: VerdictKind,
    /// Trials that did not test what they claim, and are in no figure.
    pub invalid: usize,
    /// Valid trials in which a fault landed and the system did not recover from it.
    pub never_recovered: usize,
    /// Its place, from 1; those that noise does not tell from the best of their place share it.
    /// Absent without a value to rank by.
    pub rank: Option<usize>,
    /// Whether no other has both a better p99 response time and a lower [`Section::price`]; absent
    /// where it lacks one of the two.
    pub pareto: Option<bool>,
    /// Every indicator that was measured.
    pub estimates: BTreeMap<IndicatorName, Estimate>,
    /// Seeds of its valid trials, in the order of the estimates' values.
    pub seeds: Vec<u64>,
}

/// Why runs cannot be ranked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RankingError {
    /// There is nothing to rank.
    #[error("no run records to compare")]
    Empty,
    /// One trial is there twice.
    #[error(
        "run {run}: trial {trial} is there twice; name each folder once, and give runs that are \
         kept apart folders of different names"
    )]
    Twice {
        /// The run.
        run: String,
        /// The trial.
        trial: String,
    },
    /// More than can be compared pair by pair.
    #[error(
        "scenario {scenario}: {contestants} contestants; at most {CONTESTANTS_MAX} are compared"
    )]
    Many {
        /// The scenario.
        scenario: String,
        /// How many.
        contestants: usize,
    },
    /// Not something to rank by.
    #[error("cannot rank by {0}; allowed: {allowed}", allowed = RANKED.map(IndicatorName::as_str).join(", "))]
    By(IndicatorName),
}

impl Contestant {
    /// The trials of one contestant, which are one at least.
    fn new(mut trials: Vec<&RunRecord>, label: String) -> Contestant {
        trials.sort_by_key(|trial| (trial.seed, trial.repetition));
        let first = trials[0];
        let valid: Vec<&RunRecord> =
            trials.iter().copied().filter(|t| t.verdict.kind != VerdictKind::Invalid).collect();
        let estimates = IndicatorName::ALL.into_iter().filter_map(|indicator| {
            let values: Vec<Option<f64>> =
                valid.iter().map(|trial| indicator.value(&trial.indicators)).collect();
            Some((indicator, Estimate::new(indicator, values)?))
        });
        Contestant {
            label,
            strategy: first.strategy.clone(),
            run: first.run.clone(),
            environment: first.environment.name.clone(),
            revision: first.program.git_revision.clone(),
            verdict: trials.iter().map(|t| t.verdict.kind).max().unwrap_or(VerdictKind::Invalid),
            invalid: trials.len() - valid.len(),
            never_recovered: valid.iter().filter(|trial| never_recovered(trial)).count(),
            rank: None,
            pareto: None,
            estimates: estimates.collect(),
            seeds: valid.iter().map(|trial| trial.seed).collect(),
        }
    }
}

impl Ranking {
    /// Ranks the contestants of each scenario by an indicator, one of [`RANKED`].
    ///
    /// # Errors
    /// When there are no records, a trial is there twice, or the indicator is none to rank by.
    pub fn from_records(records: &[RunRecord], by: IndicatorName) -> Result<Ranking, RankingError> {
        if !RANKED.contains(&by) {
            return Err(RankingError::By(by));
        }
        check(records)?;
        let mut digests: Vec<&str> = Vec::new();
        for record in records {
            if !digests.contains(&record.scenario.digest.as_str()) {
                digests.push(&record.scenario.digest);
            }
        }
        let sections = digests.iter().map(|digest| {
            let of = records.iter().filter(|record| record.scenario.digest == **digest);
            of_runs(&of.collect::<Vec<_>>(), by)
        });
        let sections = sections.collect::<Result<_, _>>()?;
        Ok(Ranking { schema: RANKING_SCHEMA, by, sections })
    }
}

fn check(records: &[RunRecord]) -> Result<(), RankingError> {
    if records.is_empty() {
        return Err(RankingError::Empty);
    }
    let mut seen = BTreeSet::new();
    for record in records {
        if !seen.insert((&record.run, &record.trial)) {
            let (run, trial) = (record.run.clone(), record.trial.clone());
            return Err(RankingError::Twice { run, trial });
        }
    }
    Ok(())
}

/// The contestants of one scenario: each strategy of each run.
fn of_runs(records: &[&RunRecord], by: IndicatorName) -> Result<Section, RankingError> {
    let mut groups: BTreeMap<(&str, &str), Vec<&RunRecord>> = BTreeMap::new();
    for record in records {
        groups.entry((&record.run, &record.strategy)).or_default().push(record);
    }
    if groups.len() > CONTESTANTS_MAX {
        let scenario = records[0].scenario.name.clone();
        return Err(RankingError::Many { scenario, contestants: groups.len() });
    }
    let several =
        |of: fn(&RunRecord) -> &str| records.iter().any(|record| of(record) != of(records[0]));
    let runs = several(|record| &record.run);
    let environments = several(|record| &record.environment.name);
    let contestants = groups.into_values().map(|trials| {
        let first = trials[0];
        let mut label = first.strategy.clone();
        if runs {
            label.push_str(&format!(" @ {}", first.run));
        }
        if environments {
            label.push_str(&format!(" ({})", first.environment.name));
        }
        Contestant::new(trials, label)
    });
    let agreement = Agreement::of(records, by);
    Ok(Section { agreement, ..Section::new(records, contestants.collect(), by) })
}

#[cfg(test)]
mod tests;
