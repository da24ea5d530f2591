//! What a job asks for, after validation.

use std::time::Duration;

use super::Strategy;

/// Everything about a job that allocation needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The strategy.
    pub strategy: Strategy,
    /// Bounds and behaviour.
    pub limits: Limits,
    /// What the job promises.
    pub objectives: Objectives,
    /// A number set by a person or by another autoscaler through `/scale`; it overrides the
    /// strategy, within the bounds.
    pub fixed_replicas: Option<u32>,
}

/// Bounds and behaviour of scaling.
#[derive(Debug, Clone, PartialEq)]
pub struct Limits {
    /// Fewest workers.
    pub min_replicas: u32,
    /// Most workers.
    pub max_replicas: u32,
    /// Time between two decisions.
    pub sync_period: Duration,
    /// Anti-flapping memory: fewer workers only if no recommendation in it asked for more.
    pub stabilization_window: Duration,
    /// Least time between two actions.
    pub cooldown: Duration,
    /// Dead band as a share of the present number of workers.
    pub tolerance: f64,
    /// How fast workers may be added.
    pub up: Pace,
    /// How fast workers may be removed.
    pub down: Pace,
}

/// At most the larger of `replicas` and `percent` in a `period`. With neither there is no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pace {
    /// Workers in a period.
    pub replicas: Option<u32>,
    /// Per cent, of the workers at the period's start, in a period.
    pub percent: Option<u32>,
    /// The period.
    pub period: Duration,
}

/// What the job promises; a missing objective leaves the strategy its default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Objectives {
    /// Bound on the 99th percentile of response time.
    pub p99_latency: Option<Duration>,
    /// Bound on the age of the oldest record not yet processed.
    pub lag_time: Option<Duration>,
    /// Bound on the time from a disturbance to normal service.
    pub recovery: Option<Duration>,
}
