//! The plausibility of recovery, elasticity and steadiness, and of what is said twice.

use crate::elasticity::Elasticity;
use crate::record::check::{Problem, amount, optional, problem};
use crate::record::{FaultSpan, FaultState, RunRecord};
use crate::recovery::{Recovery, Worst};
use crate::steadiness::{Steadiness, SteadyP99, SteadyState};

/// Checks them all.
pub(super) fn check(record: &RunRecord) -> Result<(), Problem> {
    let late: u64 =
        record.series.iter().fold(0, |sum, row| row.out_of_objective.saturating_add(sum));
    for (index, fault) in record.faults.iter().enumerate() {
        recovery(&format!("faults[{index}].recovery"), fault, late)?;
    }
    worst(record)?;
    if let Some(elasticity) = &record.indicators.elasticity {
        elasticity_of(elasticity)?;
    }
    if record.indicators.out_of_objective > record.response.count {
        return problem("indicators.out_of_objective", "exceeds the responses");
    }
    steadiness(record, &record.steadiness)
}

fn recovery(field: &str, fault: &FaultSpan, late: u64) -> Result<(), Problem> {
    let landed = fault.state == FaultState::Landed;
    let Some(recovery) = &fault.recovery else {
        return match landed {
            true => problem(field, "is absent although the fault landed"),
            false => Ok(()),
        };
    };
    if !landed {
        return problem(field, "is given although the fault did not land");
    }
    let at = |name: &str| format!("{field}.{name}");
    let Recovery { total_s, detect_s, restore_s, drain_s, worst_p99_ms, .. } = *recovery;
    optional(at("total_s"), total_s)?;
    optional(at("detect_s"), detect_s)?;
    optional(at("worst_p99_ms"), worst_p99_ms)?;
    share(&at("no_progress_share"), recovery.no_progress_share)?;
    if detect_s.is_some() != recovery.detected_by.is_some() {
        return problem(at("detected_by"), "and detect_s must both be given or both be absent");
    }
    for (name, part_s) in [("restore_s", restore_s), ("drain_s", drain_s)] {
        optional(at(name), part_s)?;
        match (total_s, part_s) {
            (Some(_), None) => return problem(at(name), "is absent although total_s is given"),
            (Some(total_s), Some(part_s)) if exceeds(part_s, total_s) => {
                return problem(at(name), "exceeds total_s");
            }
            _ => {}
        }
    }
    if recovery.out_of_objective > late {
        return problem(at("out_of_objective"), format!("exceeds the {late} of the whole series"));
    }
    Ok(())
}

/// What indicators say of all faults together must follow from what is said of each.
fn worst(record: &RunRecord) -> Result<(), Problem> {
    let figures = &record.indicators;
    let worst = Worst::of(record.faults.iter().filter_map(|fault| fault.recovery.as_ref()));
    for (name, said, follows) in [
        ("recovery_s", figures.recovery_s, worst.total_s),
        ("worst_detect_s", figures.worst_detect_s, worst.detect_s),
        ("worst_restore_s", figures.worst_restore_s, worst.restore_s),
        ("worst_drain_s", figures.worst_drain_s, worst.drain_s),
        ("no_progress_share", figures.no_progress_share, worst.no_progress_share),
    ] {
        optional(format!("indicators.{name}"), said)?;
        let same = match (said, follows) {
            (Some(said), Some(follows)) => !exceeds(said, follows) && !exceeds(follows, said),
            (said, follows) => said == follows,
        };
        if !same {
            let shown = |value: Option<f64>| value.map_or("absent".to_owned(), |v| v.to_string());
            let text = format!("is {}, but faults say {}", shown(said), shown(follows));
            return problem(format!("indicators.{name}"), text);
        }
    }
    Ok(())
}

fn elasticity_of(elasticity: &Elasticity) -> Result<(), Problem> {
    let at = |name: &str| format!("indicators.elasticity.{name}");
    amount(at("over_accuracy"), elasticity.over_accuracy)?;
    amount(at("mean_service_ms"), elasticity.mean_service_ms)?;
    for (name, value) in [
        ("under_accuracy", elasticity.under_accuracy),
        ("under_share", elasticity.under_share),
        ("over_share", elasticity.over_share),
        ("instability", elasticity.instability),
        ("utilisation", elasticity.utilisation),
    ] {
        share(&at(name), value)?;
    }
    if exceeds(elasticity.under_share + elasticity.over_share, 1.0) {
        return problem(at("over_share"), "and under_share exceed 1 together");
    }
    if !elasticity.jitter_per_minute.is_finite() {
        return problem(at("jitter_per_minute"), "is not finite");
    }
    Ok(())
}

fn steadiness(record: &RunRecord, steadiness: &Steadiness) -> Result<(), Problem> {
    let at = |name: &str| format!("steadiness.{name}");
    amount(at("warm_up_planned_s"), steadiness.warm_up_planned_s)?;
    optional(at("warm_up_found_s"), steadiness.warm_up_found_s)?;
    optional(at("level_ratio"), steadiness.level_ratio)?;
    optional(at("effective_seconds"), steadiness.effective_seconds)?;
    if steadiness.seconds > record.series.len() as u64 {
        return problem(at("seconds"), "exceeds the rows of the series");
    }
    if steadiness.autocorrelation.is_some_and(|rho| !(-1.0..=1.0).contains(&rho)) {
        return problem(at("autocorrelation"), "does not lie between -1 and 1");
    }
    if steadiness.effective_seconds.is_some_and(|e| exceeds(e, steadiness.seconds as f64)) {
        return problem(at("effective_seconds"), "exceeds seconds");
    }
    let says_something = steadiness.state != SteadyState::TooShort;
    if says_something != steadiness.level_ratio.is_some() {
        return problem(at("level_ratio"), "and state disagree on whether anything can be said");
    }
    let Some(p99) = &steadiness.p99 else { return Ok(()) };
    interval(p99)?;
    let steady = record.phase_response.get("steady").map_or(0, |response| response.count);
    if p99.responses != steady {
        let text = format!("is {}, but phase_response.steady has {steady}", p99.responses);
        return problem(at("p99.responses"), text);
    }
    Ok(())
}

fn interval(p99: &SteadyP99) -> Result<(), Problem> {
    let at = |name: &str| format!("steadiness.p99.{name}");
    amount(at("value_ms"), p99.value_ms)?;
    amount(at("effective_responses"), p99.effective_responses)?;
    optional(at("low_ms"), p99.low_ms)?;
    optional(at("high_ms"), p99.high_ms)?;
    if exceeds(p99.effective_responses, p99.responses as f64) {
        return problem(at("effective_responses"), "exceeds responses");
    }
    if p99.low_ms.is_some_and(|low_ms| exceeds(low_ms, p99.value_ms)) {
        return problem(at("low_ms"), "exceeds value_ms");
    }
    if p99.high_ms.is_some_and(|high_ms| exceeds(p99.value_ms, high_ms)) {
        return problem(at("high_ms"), "is less than value_ms");
    }
    Ok(())
}

/// A share of a whole.
fn share(field: &str, value: f64) -> Result<(), Problem> {
    amount(field, value)?;
    if exceeds(value, 1.0) {
        return problem(field, format!("is {value}, but a share is at most 1"));
    }
    Ok(())
}

/// Whether `left` is greater by more than decimal text may move it.
fn exceeds(left: f64, right: f64) -> bool {
    left > right + 1e-9 * right.abs().max(1.0)
}
