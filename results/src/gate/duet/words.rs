//! What a duet found, in words.

use crate::calibration::Calibration;
use crate::gate::DuetEvidence;
use crate::report::format::{counted, percent};
use crate::statistics::duet::{Decision, Outcome, POWER, Rules};

/// A relative change as a percentage with its sign: `+9.8 %`.
pub(super) fn signed(change: f64) -> String {
    let percent = percent(change);
    if percent > 0.0 { format!("+{percent} %") } else { format!("{percent} %") }
}

/// The estimate with its interval.
pub(super) fn figure(decision: &Decision) -> String {
    match (decision.estimate, decision.low, decision.high) {
        (Some(estimate), Some(low), Some(high)) => {
            format!("{} ({} to {})", signed(estimate), signed(low), signed(high))
        }
        (Some(estimate), ..) => format!("{} (no interval yet)", signed(estimate)),
        _ => "-".to_owned(),
    }
}

/// What the pairs say, in a sentence.
pub(super) fn sentence(decision: &Decision, rules: &Rules) -> String {
    let tolerated = format!("{} %", percent(rules.tolerance));
    let pairs = counted(decision.pairs, "pair");
    let Some(estimate) = decision.estimate else {
        return format!("Nothing can be said of the p99 response time after {pairs}.");
    };
    let found = match (decision.low, decision.high) {
        (Some(low), Some(high)) => {
            format!("{}, and {} by {pairs}", compared(estimate), between(low, high))
        }
        _ => format!("{} by {pairs}, which are too few for an interval", compared(estimate)),
    };
    let subject = "The candidate's p99 response time is";
    let error = format!("error rate at most {} %", percent(rules.alpha));
    match decision.outcome {
        Outcome::Pass => format!("{subject} {found}: within the tolerated {tolerated} ({error})."),
        Outcome::Fail => {
            format!("{subject} {found}: more than the tolerated {tolerated} ({error}).")
        }
        Outcome::Extend | Outcome::Inconclusive => {
            let seen = decision.detectable.map_or(String::new(), |change| {
                let (change, power) = (percent(change), POWER * 100.0);
                format!(" So many pairs show a change of {change} % in {power} % of all cases.")
            });
            format!(
                "Whether the tolerated {tolerated} are kept cannot be told: {} {found}.{seen}",
                "the candidate's p99 response time is"
            )
        }
    }
}

/// What should be known beside the verdict.
pub(super) fn warnings(
    evidence: &DuetEvidence,
    spoiled: Option<String>,
    calibration: Option<&Calibration>,
) -> Vec<String> {
    let mut warnings = Vec::from_iter(spoiled);
    let decision = &evidence.decision;
    if decision.pooled > 1 {
        warnings.push(format!(
            "Neighbouring pairs were alike (correlation {:.2}), so {} were averaged into one.",
            decision.lag1.unwrap_or_default(),
            decision.pooled
        ));
    }
    let profiles = [&evidence.baseline_program, &evidence.candidate_program];
    if let [Some(baseline), Some(candidate)] = profiles
        && baseline.profile != candidate.profile
    {
        warnings.push(format!(
            "The baseline is a {} build, the candidate a {} build.",
            baseline.profile, candidate.profile
        ));
    }
    let Some(calibration) = calibration else {
        warnings.push(
            "Without a calibration the error rate on this machine is only that of theory; \
             `stormgauge calibrate` measures it."
                .to_owned(),
        );
        return warnings;
    };
    let candidate = evidence.candidate_program.as_ref();
    warnings.extend(calibration.misfits(&evidence.setting, evidence.machine.as_ref(), candidate));
    warnings
}

/// `9.8 % higher than the baseline's`.
fn compared(change: f64) -> String {
    match percent(change) {
        0.0 => "as high as the baseline's".to_owned(),
        percent if percent > 0.0 => format!("{percent} % higher than the baseline's"),
        percent => format!("{} % lower than the baseline's", -percent),
    }
}

/// `between 7.9 % and 11.6 % higher`.
fn between(low: f64, high: f64) -> String {
    let side = |percent: f64| if percent < 0.0 { "lower" } else { "higher" };
    let (low, high) = (percent(low), percent(high));
    if side(low) == side(high) {
        let (near, far) = (low.abs().min(high.abs()), low.abs().max(high.abs()));
        return format!("between {near} % and {far} % {}", side(low));
    }
    format!("between {} % {} and {} % {}", low.abs(), side(low), high.abs(), side(high))
}
