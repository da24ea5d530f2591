//! How well the workers that there were match the workers that the load needed.
//!
//! Source: SPEC RG Cloud Group, "Ready for Rain? A View from SPEC Research on the Future of Cloud
//! Metrics", SPEC-RG-2016-01, section 3 (elasticity): accuracy, time share, instability, jitter.

use serde::{Deserialize, Serialize};

use crate::series::{SeriesRow, intervals};

/// The share of a worker's time that a demand curve plans for, unless told otherwise: the default
/// target of Kubernetes' autoscaler, 80 %.
pub const UTILISATION_TARGET: f64 = 0.8;

/// What turns offered load into workers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    /// Mean service time of a message, in seconds.
    pub mean_service_s: f64,
    /// The share of a worker's time that is planned for, above 0 and up to 1.
    pub utilisation: f64,
}

impl Demand {
    /// Workers that `offered_per_s` messages a second need: rate × service time ÷ utilisation.
    pub fn replicas(&self, offered_per_s: f64) -> f64 {
        offered_per_s * self.mean_service_s / self.utilisation
    }
}

/// Supply against demand over the load, its warm-up left out.
///
/// Supply is the number of ready workers, and demand the demand curve rounded up to whole
/// workers. The bounds of the strategy are not part of demand: workers that a least number of
/// replicas keeps are over-provisioned where the load does not need them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Elasticity {
    /// Workers that were missing, over those that were needed, on average over time (θ_U).
    pub under_accuracy: f64,
    /// Workers beyond those that were needed, over those that were needed, on average over time
    /// (θ_O). Where none was needed it is the number beyond.
    pub over_accuracy: f64,
    /// Share of time, 0 to 1, in which workers were missing (τ_U).
    pub under_share: f64,
    /// Share of time, 0 to 1, in which there were more than were needed (τ_O).
    pub over_share: f64,
    /// Share of time, 0 to 1, in which supply and demand did not move in the same direction (υ).
    pub instability: f64,
    /// Changes of supply less changes of demand, a minute (j): negative when supply adapts less
    /// often than demand changes, positive when it oscillates.
    pub jitter_per_minute: f64,
    /// The mean service time behind the demand curve, in milliseconds: the one that the scenario
    /// declares for its worker.
    pub mean_service_ms: f64,
    /// The utilisation behind the demand curve, 0 to 1.
    pub utilisation: f64,
}

/// One second of supply and demand.
#[derive(Clone, Copy)]
struct Step {
    length_s: f64,
    supply: f64,
    demand: f64,
}

impl Elasticity {
    /// Measures the rows that begin at or after `from_s` and end by `to_s`, in seconds from load
    /// start; `None` when none of them has a demand.
    pub fn measure(
        series: &[SeriesRow],
        demand: &Demand,
        from_s: f64,
        to_s: f64,
    ) -> Option<Elasticity> {
        let steps = steps(series, from_s, to_s);
        let total_s: f64 = steps.iter().map(|step| step.length_s).sum();
        if total_s <= 0.0 {
            return None;
        }
        let share = |of: &dyn Fn(&Step) -> f64| {
            steps.iter().map(|step| of(step) * step.length_s).sum::<f64>() / total_s
        };
        let missing = |step: &Step| (step.demand - step.supply).max(0.0);
        let spare = |step: &Step| (step.supply - step.demand).max(0.0);
        let needed = |step: &Step| step.demand.max(1.0);
        Some(Elasticity {
            under_accuracy: share(&|step| missing(step) / needed(step)),
            over_accuracy: share(&|step| spare(step) / needed(step)),
            under_share: share(&|step| f64::from(missing(step) > 0.0)),
            over_share: share(&|step| f64::from(spare(step) > 0.0)),
            instability: instability(&steps),
            jitter_per_minute: jitter(&steps) * 60.0 / total_s,
            mean_service_ms: demand.mean_service_s * 1e3,
            utilisation: demand.utilisation,
        })
    }
}

fn steps(series: &[SeriesRow], from_s: f64, to_s: f64) -> Vec<Step> {
    // Rows end a little after the full second.
    const LATE_S: f64 = 0.1;
    intervals(series)
        .filter(|(start_s, row)| *start_s >= from_s - LATE_S && row.t_s <= to_s + LATE_S)
        .filter_map(|(start_s, row)| {
            let demand = whole(row.demand_replicas?);
            let supply = f64::from(row.ready_replicas);
            Some(Step { length_s: row.t_s - start_s, supply, demand })
        })
        .collect()
}

/// Rounded up to whole workers, but for what is a rounding error.
fn whole(demand: f64) -> f64 {
    (demand - 1e-9).ceil().max(0.0)
}

/// Time in which the signs of both changes differ, over the time in which there is a change to
/// speak of: from the second step on.
fn instability(steps: &[Step]) -> f64 {
    let sign = |change: f64| if change == 0.0 { 0.0 } else { change.signum() };
    let (mut differing_s, mut total_s) = (0.0, 0.0);
    for pair in steps.windows(2) {
        let supply = sign(pair[1].supply - pair[0].supply);
        let demand = sign(pair[1].demand - pair[0].demand);
        total_s += pair[1].length_s;
        if supply != demand {
            differing_s += pair[1].length_s;
        }
    }
    if total_s > 0.0 { differing_s / total_s } else { 0.0 }
}

/// Changes of supply less changes of demand.
fn jitter(steps: &[Step]) -> f64 {
    let changes = |of: fn(&Step) -> f64| {
        steps.windows(2).filter(|pair| of(&pair[0]) != of(&pair[1])).count() as f64
    };
    changes(|step| step.supply) - changes(|step| step.demand)
}

#[cfg(test)]
mod tests;
