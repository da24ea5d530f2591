//! Low Latency: the fewest workers whose predicted p99 response time holds the objective, by
//! Kingman for the busiest worker (a partition belongs to one worker) or by Erlang C where the
//! partitions are not known. It reads the newest interval, projects growing lag forward, and
//! adds workers when the observed p99 is over the objective although the model says otherwise.

use std::time::Duration;

use super::high_throughput::explore;
use super::queueing::{Station, erlang_b};
use super::seen::Seen;
use super::words::{percent, rate, time_s};
use super::{ClientSettings, Plan, Recommendation, State, seconds};

pub(super) const CLIENT: ClientSettings = ClientSettings {
    fetch_min_bytes: 1,
    fetch_wait: Duration::from_millis(50),
    // Without any wait a batch is one record, and its overhead costs more than the wait.
    linger: Duration::from_millis(2),
    batch_bytes: 64 * 1024,
    commit_interval: Duration::from_millis(250),
};

/// Highest planned utilisation of the busiest worker: beyond it bursts dominate the tail.
const UTILISATION: f64 = 0.6;
const P99: Duration = Duration::from_millis(100);
const LAG_TIME: Duration = Duration::from_secs(4);
/// Most of the objective that brokers and network are granted.
const TRANSPORT: Duration = Duration::from_millis(25);
/// Below this busy share a late answer is not for want of workers.
const BUSY_ENOUGH: f64 = 0.3;

pub(super) fn recommend(plan: &Plan, seen: &Seen, state: &State) -> Recommendation {
    let Some(capacity) = state.capacity() else {
        return explore(seen, state, seen.current.saturating_mul(2));
    };
    let objective_s = seconds(plan.objectives.p99_latency.unwrap_or(P99));
    let budget_s = queueing_budget_s(objective_s);
    let sync_s = seconds(plan.limits.sync_period);
    let slope = state.lag_slope_per_s(seen).max(0.0);
    let growth = if seen.backlog >= 1.0 { slope * sync_s } else { 0.0 };
    let drain_s = (seconds(plan.objectives.lag_time.unwrap_or(LAG_TIME)) / 2.0).max(1.0);
    let load = seen.arrival_now() + (seen.backlog + growth) / drain_s;
    let sizing = Sizing { budget_s, utilisation: UTILISATION, most: plan.limits.max_replicas };
    let fit = sizing.fewest(seen, load, 1.0 / capacity.per_s);
    let mut reason = format!(
        "{} now, {:.0} behind{}; a worker does {} ({}); {}",
        rate(seen.arrival_now()),
        seen.backlog,
        if growth >= 1.0 { format!(" and {} more", rate(slope)) } else { String::new() },
        rate(capacity.per_s),
        capacity.basis(),
        fit.words(budget_s),
    );
    let keeps_up = !capacity.from_busy_time && seen.backlog < 1.0;
    let modelled = if keeps_up { fit.workers.min(seen.current) } else { fit.workers };
    let workers = modelled.max(answer_to_observed(seen, objective_s, &mut reason));
    let recommendation = Recommendation::workers(f64::from(workers), reason);
    Recommendation { may_shrink: !seen.partial, ..recommendation }
}

/// What is left of the objective for queueing and service.
pub(super) fn queueing_budget_s(objective_s: f64) -> f64 {
    objective_s - seconds(TRANSPORT).min(objective_s / 2.0)
}

/// A quarter more workers when the observed p99 is over the objective and they are busy.
fn answer_to_observed(seen: &Seen, objective_s: f64, reason: &mut String) -> u32 {
    let Some(p99_s) = seen.p99_s.filter(|p99_s| *p99_s > objective_s) else {
        return 0;
    };
    let over = format!("; observed p99 {} is over {}", time_s(p99_s), time_s(objective_s));
    reason.push_str(&over);
    match seen.busy_share {
        Some(busy) if busy < BUSY_ENOUGH && seen.backlog < 1.0 => {
            let words = format!(" but workers are {} busy: more would not help", percent(busy));
            reason.push_str(&words);
            // Nor is it the time to give any up.
            seen.current
        }
        _ => {
            let more = seen.current.saturating_add(seen.current.div_ceil(4).max(1));
            reason.push_str(&format!(": {more}"));
            more
        }
    }
}

/// The question: how few workers hold a response time and a utilisation?
pub(super) struct Sizing {
    pub(super) budget_s: f64,
    pub(super) utilisation: f64,
    pub(super) most: u32,
}

/// The answer, with the prediction behind it.
pub(super) struct Fit {
    pub(super) workers: u32,
    predicted_s: Option<f64>,
    utilisation: f64,
}

impl Sizing {
    /// The fewest workers that hold the budget; the most allowed if none does.
    pub(super) fn fewest(&self, seen: &Seen, load_per_s: f64, service_s: f64) -> Fit {
        let most = seen.partitions.map_or(self.most, |count| self.most.min(count)).max(1);
        let offered = load_per_s * service_s;
        // Workers whose mean utilisation is over the cap need no prediction.
        let least = (offered / self.utilisation).ceil().clamp(1.0, f64::from(most)) as u32;
        let mut blocked = erlang_b(least - 1, offered);
        let mut last = Fit { workers: most, predicted_s: None, utilisation: 1.0 };
        for workers in least..=most {
            let product = offered * blocked;
            blocked = product / (f64::from(workers) + product);
            let fit = predict(seen, load_per_s, service_s, workers, blocked);
            let holds = fit.predicted_s.is_some_and(|predicted_s| predicted_s <= self.budget_s);
            // Service alone can exceed the budget; then only the utilisation can be held.
            let hopeless = service_s * 100.0_f64.ln() > self.budget_s;
            last = fit;
            if last.utilisation <= self.utilisation && (holds || hopeless) {
                break;
            }
        }
        last
    }
}

fn predict(seen: &Seen, load_per_s: f64, service_s: f64, workers: u32, blocked: f64) -> Fit {
    let share = seen.busiest_share(workers);
    let busiest = load_per_s * share.unwrap_or_else(|| 1.0 / f64::from(workers));
    let station = Station {
        arrival_per_s: if share.is_some() { busiest } else { load_per_s },
        service_s,
        arrival_variability: seen.arrival_variability,
        service_variability: seen.service_variability,
    };
    let predicted_s = match share {
        Some(_) => station.response_single_s(0.99),
        None => station.response_shared_s(workers, blocked, 0.99),
    };
    Fit { workers, predicted_s, utilisation: busiest * service_s }
}

impl Fit {
    pub(super) fn words(&self, budget_s: f64) -> String {
        let workers = self.workers;
        let busy = percent(self.utilisation);
        match self.predicted_s {
            Some(predicted_s) => {
                let (predicted, budget) = (time_s(predicted_s), time_s(budget_s));
                format!("{workers} workers: busiest at {busy}, p99 {predicted} of {budget}")
            }
            None => format!("{workers} workers: busiest at {busy}, over its capacity"),
        }
    }
}
