//! The frame around every strategy: partitions, bounds, dead band, stabilization window,
//! cooldown and pace. Each limit that changes the outcome is named in the reason.

use super::seen::Seen;
use super::words::{percent, time};
use super::{Limits, Pace, Recommendation, State};

/// Settles a recommendation into the number of workers to run and the whole reason.
pub(super) fn settle(
    recommendation: Recommendation,
    seen: &Seen,
    state: &mut State,
    limits: &Limits,
) -> (u32, String) {
    let current = seen.current;
    let mut reason = recommendation.reason.clone();
    let target = bounded(&recommendation, seen, limits, &mut reason);
    let largest = state.stabilized(seen.at, limits.stabilization_window, target, current);
    let outside = current < limits.min_replicas || current > limits.max_replicas;
    let replicas = if !recommendation.paced || outside {
        target
    } else if target == current || within_dead_band(&recommendation, target, seen, limits) {
        if target != current {
            let band = percent(limits.tolerance);
            note(&mut reason, &format!("held at {current}: within the {band} tolerance"));
        }
        current
    } else if target < current {
        shrink(&recommendation, target, largest, seen, state, limits, &mut reason)
    } else {
        grow(target, seen, state, limits, &mut reason)
    };
    if replicas != current {
        state.record_action(seen.at, current, replicas);
    }
    (replicas, reason)
}

fn bounded(
    recommendation: &Recommendation,
    seen: &Seen,
    limits: &Limits,
    reason: &mut String,
) -> u32 {
    let mut target = recommendation.replicas;
    if let Some(partitions) = seen.partitions.filter(|partitions| target > *partitions) {
        target = partitions;
        note(reason, &format!("limited to {target} by the partitions, more would idle"));
    }
    let floor = if recommendation.zero { limits.min_replicas } else { limits.min_replicas.max(1) };
    if target < floor {
        target = floor;
        note(reason, &format!("raised to {target} by minReplicas"));
    }
    if target > limits.max_replicas {
        target = limits.max_replicas;
        note(reason, &format!("limited to {target} by maxReplicas"));
    }
    target
}

/// A change smaller than the tolerance is not worth a rebalance. Zero is never "nearly one".
fn within_dead_band(
    recommendation: &Recommendation,
    target: u32,
    seen: &Seen,
    limits: &Limits,
) -> bool {
    if target == 0 || seen.current == 0 {
        return false;
    }
    let uncapped = target == recommendation.replicas;
    let wanted = if uncapped { recommendation.wanted } else { f64::from(target) };
    (wanted / f64::from(seen.current) - 1.0).abs() <= limits.tolerance
}

fn grow(target: u32, seen: &Seen, state: &State, limits: &Limits, reason: &mut String) -> u32 {
    let current = seen.current;
    if current > 0 && cooling(seen, state, limits, reason) {
        return current;
    }
    let start = state.replicas_at_start(seen.at, limits.up.period, current);
    let Some(allowed) = allowance(&limits.up, start) else { return target };
    // A job at rest must be able to wake whatever the pace says.
    let most = start.saturating_add(allowed).max(current).max(1);
    if target > most {
        note(reason, &format!("limited to {most} by scaling.up in {}", time(limits.up.period)));
    }
    target.min(most)
}

fn shrink(
    recommendation: &Recommendation,
    target: u32,
    largest: u32,
    seen: &Seen,
    state: &State,
    limits: &Limits,
    reason: &mut String,
) -> u32 {
    let current = seen.current;
    if !recommendation.may_shrink {
        note(reason, &format!("held at {current}: lag is not visible, so nothing is given up"));
        return current;
    }
    let mut replicas = target;
    if largest > target {
        replicas = largest.min(current);
        let window = time(limits.stabilization_window);
        note(reason, &format!("held at {replicas} by the stabilization window of {window}"));
    }
    if replicas == current || cooling(seen, state, limits, reason) {
        return current;
    }
    if let Some(step) = recommendation.step_down.filter(|step| current - replicas > *step) {
        replicas = current - step;
        note(reason, &format!("{step} given up at a time"));
    }
    let start = state.replicas_at_start(seen.at, limits.down.period, current);
    if let Some(allowed) = allowance(&limits.down, start) {
        let least = start.saturating_sub(allowed).min(current);
        if replicas < least {
            replicas = least;
            let period = time(limits.down.period);
            note(reason, &format!("held at {replicas} by scaling.down in {period}"));
        }
    }
    replicas
}

/// The larger of the two limits, as the Kubernetes autoscaler does by default.
fn allowance(pace: &Pace, start: u32) -> Option<u32> {
    let share = pace.percent.map(|percent| {
        let workers = (u64::from(start) * u64::from(percent)).div_ceil(100);
        u32::try_from(workers).unwrap_or(u32::MAX)
    });
    pace.replicas.into_iter().chain(share).max()
}

fn cooling(seen: &Seen, state: &State, limits: &Limits, reason: &mut String) -> bool {
    let Some(since) = state.since_last_action(seen.at).filter(|since| *since < limits.cooldown)
    else {
        return false;
    };
    let left = time(limits.cooldown.saturating_sub(since));
    note(reason, &format!("held at {} by the cooldown, {left} left", seen.current));
    true
}

fn note(reason: &mut String, text: &str) {
    reason.push_str("; ");
    reason.push_str(text);
}
