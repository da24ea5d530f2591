//! Cost Optimized: the fewest workers that meet the objectives. High utilisation, backlog
//! drained just within its objective, workers given up slowly, none when idle.

use std::time::Duration;

use super::high_throughput::explore;
use super::low_latency::{Sizing, queueing_budget_s};
use super::seen::Seen;
use super::words::{percent, rate, time, time_s};
use super::{ClientSettings, Plan, Recommendation, State, seconds};

pub(super) const CLIENT: ClientSettings = ClientSettings {
    fetch_min_bytes: 16 * 1024,
    fetch_wait: Duration::from_millis(50),
    linger: Duration::from_millis(5),
    batch_bytes: 256 * 1024,
    commit_interval: Duration::from_millis(1000),
};

/// Share of a worker's capacity that is planned for.
const UTILISATION: f64 = 0.85;
const LAG_TIME: Duration = Duration::from_secs(10);
const RECOVERY: Duration = Duration::from_secs(60);
/// Least time without arrivals and lag before the last worker goes.
const IDLE_LEAST: Duration = Duration::from_secs(10);

pub(super) fn recommend(plan: &Plan, seen: &Seen, state: &State) -> Recommendation {
    if let Some(recommendation) = rest(plan, seen, state) {
        return recommendation;
    }
    let Some(capacity) = state.capacity() else {
        return explore(seen, state, seen.current.saturating_add(1));
    };
    let lag_time_s = seconds(plan.objectives.lag_time.unwrap_or(LAG_TIME));
    let recovery_s = seconds(plan.objectives.recovery.unwrap_or(RECOVERY));
    let arrival = seen.arrival();
    let by_rate = arrival / (capacity.per_s * UTILISATION);
    // The slack of the planned utilisation drains a small backlog for nothing; workers are
    // added for it only when it endangers the objective.
    let age_s = seen.lag_time_s.unwrap_or(0.0).max(seen.backlog / arrival.max(1.0));
    let urgent = seen.backlog >= 1.0 && age_s > lag_time_s / 2.0;
    let drain_s = recovery_s.min(lag_time_s * 2.0).max(1.0);
    let by_backlog = if urgent { (arrival + seen.backlog / drain_s) / capacity.per_s } else { 0.0 };
    let by_latency = latency_floor(plan, seen, arrival, 1.0 / capacity.per_s);
    let wanted = by_rate.max(by_backlog).max(by_latency.unwrap_or(0.0));
    let keeps_up = !capacity.from_busy_time && seen.backlog < 1.0;
    let wanted = if keeps_up { wanted.min(f64::from(seen.current)) } else { wanted };
    let mut reason = format!(
        "{} at {} of {} a worker ({}): {by_rate:.2}",
        rate(arrival),
        percent(UTILISATION),
        rate(capacity.per_s),
        capacity.basis(),
    );
    if urgent {
        let (age, drain) = (time_s(age_s), time_s(drain_s));
        let backlog = seen.backlog;
        let words = format!("; {backlog:.0} behind by {age}, drained in {drain}: {by_backlog:.2}");
        reason.push_str(&words);
    }
    if let Some(floor) = by_latency.filter(|floor| *floor > by_rate.max(by_backlog).ceil()) {
        reason.push_str(&format!("; the p99 objective needs {floor}"));
    }
    let recommendation = Recommendation::workers(wanted, reason);
    let step_down = Some((seen.current / 4).max(1));
    Recommendation { may_shrink: !seen.partial, step_down, ..recommendation }
}

/// The fewest workers that the p99 objective allows, if there is one.
fn latency_floor(plan: &Plan, seen: &Seen, arrival: f64, service_s: f64) -> Option<f64> {
    let budget_s = queueing_budget_s(seconds(plan.objectives.p99_latency?));
    let most = plan.limits.max_replicas;
    let sizing = Sizing { budget_s, utilisation: UTILISATION, most };
    Some(f64::from(sizing.fewest(seen, arrival, service_s).workers))
}

/// Going to zero, staying there, and waking.
fn rest(plan: &Plan, seen: &Seen, state: &State) -> Option<Recommendation> {
    let lag = seen.lag_records.unwrap_or(0.0);
    if seen.current == 0 {
        let zero = plan.limits.min_replicas == 0;
        if lag < 1.0 && zero {
            return Some(Recommendation::hold(0, "at rest: nothing waits".to_owned()));
        }
        if state.capacity().is_none() {
            let reason = format!("waking one worker: {lag:.0} records wait");
            return Some(Recommendation::workers(1.0, reason));
        }
        return None;
    }
    let window = plan.limits.stabilization_window.max(IDLE_LEAST);
    let idle = state.idle_for(seen.at).filter(|idle| *idle >= window)?;
    if plan.limits.min_replicas > 0 {
        return None;
    }
    let reason = format!("nothing arrived and nothing waited for {}: none needed", time(idle));
    Some(Recommendation { zero: true, ..Recommendation::unpaced(0, reason) })
}
