//! High Throughput: enough workers for the measured peak, remembered with a half-life, plus
//! enough to drain the backlog in half of the recovery objective. Big batches and fetches.

use std::time::Duration;

use super::seen::Seen;
use super::words::{percent, rate, time_s};
use super::{ClientSettings, Plan, Recommendation, State, seconds};

pub(super) const CLIENT: ClientSettings = ClientSettings {
    fetch_min_bytes: 64 * 1024,
    fetch_wait: Duration::from_millis(100),
    linger: Duration::from_millis(20),
    batch_bytes: 1_000_000,
    commit_interval: Duration::from_millis(1000),
};

/// Share of a worker's capacity that is planned for.
const UTILISATION: f64 = 0.75;
const RECOVERY: Duration = Duration::from_secs(30);

pub(super) fn recommend(plan: &Plan, seen: &Seen, state: &State) -> Recommendation {
    let recovery = plan.objectives.recovery.unwrap_or(RECOVERY);
    let drain_s = (seconds(recovery) / 2.0).max(1.0);
    let peak = state.peak_per_s();
    let Some(capacity) = state.capacity() else {
        // Doubling reaches any size in a few steps; throughput comes before thrift.
        return explore(seen, state, seen.current.saturating_mul(2));
    };
    let wanted = (peak + seen.backlog / drain_s) / (capacity.per_s * UTILISATION);
    // A lower bound on capacity is no reason for more workers while they keep up.
    let keeps_up = !capacity.from_busy_time && seen.backlog < 1.0;
    let wanted = if keeps_up { wanted.min(f64::from(seen.current)) } else { wanted };
    let reason = format!(
        "peak {} and {:.0} behind to drain in {}; a worker does {} ({}), planned at {}",
        rate(peak),
        seen.backlog,
        time_s(drain_s),
        rate(capacity.per_s),
        capacity.basis(),
        percent(UTILISATION),
    );
    let reason = format!("{reason}: {wanted:.2} workers");
    Recommendation { may_shrink: !seen.partial, ..Recommendation::workers(wanted, reason) }
}

/// Without any idea of what a worker can do: `more` workers if there is backlog although all
/// that were asked for are ready, else none.
pub(super) fn explore(seen: &Seen, state: &State, more: u32) -> Recommendation {
    let current = seen.current;
    if state.is_learning(seen) {
        let reason = format!("holding {current}: learning what a worker can do");
        return Recommendation::hold(current, reason);
    }
    if seen.ready < current {
        let ready = seen.ready;
        let reason = format!("holding {current}: {ready} of {current} ready, capacity not known");
        return Recommendation::hold(current, reason);
    }
    if seen.backlog < 1.0 {
        let reason = format!("holding {current}: no backlog, capacity of a worker not known");
        return Recommendation::hold(current, reason);
    }
    let more = more.max(current.saturating_add(1));
    let backlog = seen.backlog;
    let reason = format!("{backlog:.0} behind and capacity of a worker not known: {more} workers");
    Recommendation::workers(f64::from(more), reason)
}
