//! Gate lines for bounds: the worst trial of a strategy must keep each.

use crate::gate::{Against, GateLine};
use crate::objectives::{Bound, IndicatorName, Objectives, Relation};
use crate::record::RunRecord;
use crate::report::format;
use crate::verdict::{Check, check_guarantee, check_objective};

/// A line for each part of the delivery guarantee, for the trial that breaks it most.
pub(super) fn guarantee_lines(trials: &[&RunRecord]) -> Vec<GateLine> {
    let mut worst: Vec<(&RunRecord, &'static str, u64, Check)> = Vec::new();
    for trial in trials {
        for (name, count, check) in check_guarantee(&trial.delivery) {
            match worst.iter_mut().find(|(_, known, _, _)| *known == name) {
                Some(known) if known.2 >= count => {}
                Some(known) => *known = (trial, name, count, check),
                None => worst.push((trial, name, count, check)),
            }
        }
    }
    let line = |(trial, name, count, check): (&RunRecord, &'static str, u64, Check)| {
        let (ok, against, sentence) = outcome(check, Against::Guarantee);
        GateLine {
            strategy: trial.strategy.clone(),
            indicator: name.to_owned(),
            against,
            value: Some(count as f64),
            shown: format::count(count),
            bound: trial.delivery.guarantee.words().to_owned(),
            ok,
            sentence: named(trial, trials, sentence),
        }
    };
    worst.into_iter().map(line).collect()
}

/// A line for each objective, for the trial that is furthest on its wrong side.
pub(super) fn objective_lines(trials: &[&RunRecord], objectives: &Objectives) -> Vec<GateLine> {
    let line = |(indicator, bound): (IndicatorName, &Bound)| {
        let distance = |trial: &&&RunRecord| badness(indicator, bound, trial);
        let worst =
            trials.iter().max_by(|left, right| distance(left).total_cmp(&distance(right)))?;
        let check = check_objective(indicator, bound, worst.evidence());
        let (ok, against, sentence) = outcome(check, Against::Bound);
        let value = indicator.value(&worst.indicators);
        let currency = &worst.indicators.currency;
        Some(GateLine {
            strategy: worst.strategy.clone(),
            indicator: indicator.to_string(),
            against,
            value,
            shown: value.map_or(format::ABSENT.to_owned(), |value| {
                format::value(indicator, value, currency)
            }),
            bound: bound.to_string(),
            ok,
            sentence: named(worst, trials, sentence),
        })
    };
    objectives.iter().filter_map(line).collect()
}

/// How far a trial is on the wrong side of a bound; one without a value is furthest.
fn badness(indicator: IndicatorName, bound: &Bound, trial: &RunRecord) -> f64 {
    let Some(value) = indicator.value(&trial.indicators) else {
        return f64::INFINITY;
    };
    match bound.relation {
        Relation::Below | Relation::AtMost => value,
        Relation::Above | Relation::AtLeast => -value,
        Relation::Exactly => (value - bound.limit(indicator.unit())).abs(),
    }
}

/// A bound that could not be measured says that the trial is invalid for it, not that it failed.
fn outcome(check: Check, against: Against) -> (bool, Against, String) {
    match check {
        Check::Kept(sentence) => (true, against, sentence),
        Check::Exceeded(sentence) => (false, against, sentence),
        Check::Unmeasured(sentence) => (false, Against::Validity, sentence),
    }
}

/// Says which repetition the sentence is about, where there are several.
fn named(trial: &RunRecord, trials: &[&RunRecord], sentence: String) -> String {
    if trials.len() == 1 {
        return sentence;
    }
    format!("{sentence} (The worst of {} trials, repetition {}.)", trials.len(), trial.repetition)
}
