//! Allocation as a pure function: an observation, a state and a plan in; a decision with its
//! reason out. No client, no clock and no randomness: the operator, a simulator and a replay
//! run this same code.
//!
//! A strategy (one file each) says how many workers the work wants. The frame around all
//! strategies then holds bounds, partitions, dead band, stabilization window, cooldown and
//! pace, and names every limit that changed the outcome.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use client_settings::ClientSettings;
pub use observation::Observation;
pub use plan::{Limits, Objectives, Pace, Plan};
pub use state::State;

mod client_settings;
mod cost_optimized;
mod frame;
mod high_throughput;
mod low_latency;
mod observation;
mod plan;
pub mod queueing;
mod seen;
mod state;
mod words;

#[cfg(test)]
mod closed_loop;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tables;

/// The rule that turns an observation into a number of workers.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Strategy {
    /// Provisions for the measured peak and drains backlog fastest.
    HighThroughput,
    /// Keeps utilisation where queueing holds the p99 objective, and reacts first.
    LowLatency,
    /// Meets the objectives with the fewest worker-seconds; scales to zero when idle.
    CostOptimized,
}

impl Strategy {
    /// Every strategy, in the order in which reports list them.
    pub const ALL: [Self; 3] = [Self::HighThroughput, Self::LowLatency, Self::CostOptimized];

    /// The name used in specs, status and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::HighThroughput => "HighThroughput",
            Self::LowLatency => "LowLatency",
            Self::CostOptimized => "CostOptimized",
        }
    }

    /// Client settings of this strategy's workers. They depend on nothing else, so that an
    /// allocation never restarts workers.
    #[must_use]
    pub fn client_settings(self) -> ClientSettings {
        match self {
            Self::HighThroughput => high_throughput::CLIENT,
            Self::LowLatency => low_latency::CLIENT,
            Self::CostOptimized => cost_optimized::CLIENT,
        }
    }
}

/// What to do, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Workers before the decision.
    pub from: u32,
    /// Workers to run.
    pub replicas: u32,
    /// Client settings for every worker.
    pub client: ClientSettings,
    /// The rule and its numbers in words, followed by every limit that changed the outcome.
    pub reason: String,
}

/// Decides how many workers to run. `state` remembers what the next decision needs; it belongs
/// to one job and grows to a fixed bound only.
#[must_use]
pub fn decide(plan: &Plan, observation: &Observation, state: &mut State) -> Decision {
    let client = plan.strategy.client_settings();
    let seen = seen::Seen::new(observation, &client);
    state.learn(&seen);
    let first = state.first_decision();
    let from = seen.current;
    let recommendation = if let Some(fixed) = plan.fixed_replicas {
        Recommendation::fixed(fixed)
    } else if first && from == 0 {
        let replicas = plan.limits.min_replicas.max(1);
        Recommendation::unpaced(replicas, format!("starting with {replicas} to learn from"))
    } else if seen.is_blind() {
        Recommendation::hold(from, format!("holding {from}: {}", seen.blindness(observation)))
    } else {
        match plan.strategy {
            Strategy::HighThroughput => high_throughput::recommend(plan, &seen, state),
            Strategy::LowLatency => low_latency::recommend(plan, &seen, state),
            Strategy::CostOptimized => cost_optimized::recommend(plan, &seen, state),
        }
    };
    state.remember_lag(&seen);
    let (replicas, reason) = frame::settle(recommendation, &seen, state, &plan.limits);
    Decision { from, replicas, client, reason }
}

/// What a strategy wants before any limit.
#[derive(Debug, Clone, PartialEq)]
struct Recommendation {
    /// Workers wanted, not rounded: the dead band compares this with the present number.
    wanted: f64,
    /// Workers wanted, rounded up.
    replicas: u32,
    /// Whether zero workers is meant, when the bounds allow it.
    zero: bool,
    /// How many workers one action may give up, if the strategy gives them up slowly.
    step_down: Option<u32>,
    /// Whether window, cooldown and pace apply; they do not to a start and to a fixed number.
    paced: bool,
    /// Whether fewer workers may be recommended: not on partial sight.
    may_shrink: bool,
    /// The rule and its numbers.
    reason: String,
}

impl Recommendation {
    fn workers(wanted: f64, reason: String) -> Self {
        let replicas = whole_workers(wanted);
        Self {
            wanted,
            replicas,
            zero: false,
            step_down: None,
            paced: true,
            may_shrink: true,
            reason,
        }
    }

    fn hold(current: u32, reason: String) -> Self {
        // Zero stays zero when nothing is known: waking needs a cause.
        Self { zero: current == 0, ..Self::workers(f64::from(current), reason) }
    }

    fn unpaced(replicas: u32, reason: String) -> Self {
        Self { paced: false, ..Self::workers(f64::from(replicas), reason) }
    }

    fn fixed(replicas: u32) -> Self {
        let reason =
            format!("spec.scaling.replicas asks for {replicas}; the strategy only watches");
        Self { zero: replicas == 0, ..Self::unpaced(replicas, reason) }
    }
}

/// Rounds up, with a hair's breadth of forgiveness for floating point; never above a million.
fn whole_workers(wanted: f64) -> u32 {
    const MOST: f64 = 1_000_000.0;
    if !wanted.is_finite() {
        return 1;
    }
    // The value was clamped to the range of u32.
    (wanted - 1e-9).ceil().clamp(0.0, MOST) as u32
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
