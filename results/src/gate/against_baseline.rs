//! Gate lines against a baseline: medians, with a tolerance.

use crate::baseline::Baseline;
use crate::comparison::median_of_trials;
use crate::gate::{Against, GateLine};
use crate::objectives::IndicatorName;
use crate::record::RunRecord;
use crate::report::format;

/// What is compared with a baseline; lower is better for each.
const COMPARED: [IndicatorName; 3] =
    [IndicatorName::P99Response, IndicatorName::Recovery, IndicatorName::Cost];

/// Recovery is read off a series of seconds, so differences up to one second are not real.
const RECOVERY_RESOLUTION_S: f64 = 1.0;

/// A line for each compared indicator that the baseline or the trials have.
pub(super) fn lines(trials: &[&RunRecord], baseline: &Baseline, tolerance: f64) -> Vec<GateLine> {
    let warning = baseline
        .difference(trials[0])
        .map_or(String::new(), |difference| format!(" (Warning: {difference}.)"));
    let line = |indicator: IndicatorName| {
        let known = &baseline.strategies[&trials[0].strategy][&indicator];
        let values: Vec<Option<f64>> =
            trials.iter().map(|trial| indicator.value(&trial.indicators)).collect();
        let before = median_of_trials(known);
        let now = median_of_trials(&values);
        let nothing_measured = known.iter().chain(&values).all(Option::is_none);
        if nothing_measured {
            return None;
        }
        let limit = before.map(|before| limit(indicator, before, tolerance));
        let unrecovered = indicator == IndicatorName::Recovery;
        let (ok, outcome) = match (now, limit) {
            (Some(now), Some(limit)) if now <= limit => (true, "within"),
            (_, Some(_)) => (false, "over"),
            // A system that never recovered is no bound; what was not measured bounds nothing.
            (_, None) if unrecovered => (true, "no worse than"),
            (_, None) => (false, "which cannot be held against"),
        };
        let shown = |value: Option<f64>| {
            let currency = &trials[0].indicators.currency;
            value
                .map_or(unmeasured(indicator).to_owned(), |v| format::value(indicator, v, currency))
        };
        let bound = match limit {
            Some(_) => format!("<= {}", shown(limit)),
            None => "nothing, as the baseline has no value".to_owned(),
        };
        let sentence = format!(
            "{} was {} by the median of {}, {outcome} the baseline's {} and its tolerance of \
             {} %.{warning}",
            format::capitalized(indicator.words()),
            shown(now),
            format::counted(values.len(), "trial"),
            shown(before),
            format::percent(tolerance),
        );
        Some(GateLine {
            strategy: trials[0].strategy.clone(),
            indicator: indicator.to_string(),
            against: if limit.is_some() || unrecovered {
                Against::Baseline
            } else {
                Against::Validity
            },
            value: now,
            shown: shown(now),
            bound,
            ok,
            sentence,
        })
    };
    COMPARED.into_iter().filter_map(line).collect()
}

fn limit(indicator: IndicatorName, before: f64, tolerance: f64) -> f64 {
    let relative = before * (1.0 + tolerance);
    match indicator {
        IndicatorName::Recovery => relative.max(before + RECOVERY_RESOLUTION_S),
        _ => relative,
    }
}

fn unmeasured(indicator: IndicatorName) -> &'static str {
    match indicator {
        IndicatorName::Recovery => "never",
        _ => "not measured",
    }
}
