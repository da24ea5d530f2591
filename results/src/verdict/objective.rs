//! One objective, or one part of the delivery guarantee, against what was measured.

use crate::objectives::{Bound, IndicatorName};
use crate::record::Delivery;
use crate::report::format;
use crate::verdict::Evidence;

/// What became of a bound, in one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Check {
    /// It was kept.
    Kept(String),
    /// It was exceeded.
    Exceeded(String),
    /// The trial could not measure it.
    Unmeasured(String),
}

/// Checks one objective.
pub(crate) fn check_objective(
    indicator: IndicatorName,
    bound: &Bound,
    evidence: Evidence<'_>,
) -> Check {
    let words = format::capitalized(indicator.words());
    let Some(value) = indicator.value(evidence.indicators) else {
        if let Some(omission) = omission(indicator).filter(|_| evidence.has_landed_fault()) {
            return Check::Exceeded(format!("{omission}; the bound is {bound}."));
        }
        let why = match indicator {
            IndicatorName::Recovery
            | IndicatorName::WorstDetection
            | IndicatorName::WorstRestore
            | IndicatorName::WorstDrain
            | IndicatorName::NoProgress => "no fault landed",
            IndicatorName::UnderProvisioned | IndicatorName::OverProvisioned => {
                "the mean service time is not known"
            }
            IndicatorName::Cost => "the scenario gives no price",
            _ => "no result was observed",
        };
        return Check::Unmeasured(format!(
            "{words} could not be measured, since {why}; the bound is {bound}."
        ));
    };
    let shown = format::value(indicator, value, &evidence.indicators.currency);
    if bound.holds(value, indicator.unit()) {
        Check::Kept(format!("{words} was {shown}, within the bound of {bound}."))
    } else {
        Check::Exceeded(format!("{words} was {shown}, outside the bound of {bound}."))
    }
}

/// What the system failed to do when the indicator has no value although a fault landed.
fn omission(indicator: IndicatorName) -> Option<&'static str> {
    match indicator {
        IndicatorName::Recovery => Some("The system did not recover before the trial ended"),
        IndicatorName::WorstDetection => Some("A fault was felt, and the system showed no sign"),
        IndicatorName::WorstRestore => {
            Some("The response p99 was not within the objective again before the trial ended")
        }
        IndicatorName::WorstDrain => Some("The backlog was not drained before the trial ended"),
        _ => None,
    }
}

/// Checks every part of the delivery guarantee: its name in objectives, its count, the outcome.
pub(crate) fn check_guarantee(delivery: &Delivery) -> Vec<(&'static str, u64, Check)> {
    let words = delivery.guarantee.words();
    let of = format::count(delivery.acknowledged);
    let check = |(name, count): (&'static str, u64)| {
        let what = match name {
            "lost" => format!("of {of} acknowledged messages were lost"),
            "unexpected" => "results belong to messages that were never sent".to_owned(),
            _ => format!("results were {name}"),
        };
        if count == 0 {
            return (
                name,
                count,
                Check::Kept(
                    format!("No {what}, as \"{words}\" demands.").replace("No of", "None of"),
                ),
            );
        }
        let example = match delivery.lost_examples.first() {
            Some(example) if name == "lost" => format!(" (for example {example})"),
            _ => String::new(),
        };
        let audit = match delivery.audit {
            Some(audit) if name == "lost" => {
                format!(", {} of them by the brokers", format::count(audit.absent_and_lost))
            }
            _ => String::new(),
        };
        let shown = format::count(count);
        let sentence = format!("{shown} {what}{example}{audit}; \"{words}\" allows none.");
        (name, count, Check::Exceeded(sentence))
    };
    delivery.guarantee.forbidden(delivery).into_iter().map(check).collect()
}
