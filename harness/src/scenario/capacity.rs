//! The `capacity:` part of a scenario: what its capacity is searched for.

use super::problem::Problem;
use super::spec::ScenarioSpec;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use workloads::spec::{RATE_MAX, RATE_MIN, ShapeSpec};

/// Makes a run a search: each probe is the scenario at one constant rate.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CapacitySpec {
    /// Fixed numbers of workers whose highest sustained rate is searched for.
    #[serde(default)]
    pub allocations: Vec<u32>,
    /// Width of the bracket at which a search ends: 0.02 is 2 %.
    #[serde(default = "default_resolution")]
    pub resolution: f64,
    /// Most probes for one allocation.
    #[serde(default = "default_probes")]
    pub probes_max: u32,
    /// Rates in messages a second that each strategy is given, to see what it spends on them.
    #[serde(default)]
    pub demands: Vec<f64>,
}

fn default_resolution() -> f64 {
    0.02
}

fn default_probes() -> u32 {
    30
}

/// What is wrong with the scenario's capacity part; nothing where there is none.
pub(super) fn check(spec: &ScenarioSpec) -> Vec<Problem> {
    let Some(capacity) = &spec.capacity else { return Vec::new() };
    let mut problems = Vec::new();
    let mut require = |holds: bool, path: &str, message: &str| {
        if !holds {
            problems.push(Problem::new(path, message));
        }
    };
    let asked = capacity.allocations.len() + capacity.demands.len();
    require((1..=100).contains(&asked), "capacity", "needs 1 to 100 allocations and demands");
    let workers = |count: &u32| (1..=1000).contains(count);
    require(
        capacity.allocations.iter().all(workers),
        "capacity.allocations",
        "must be from 1 to 1000 workers each",
    );
    require(
        (0.005..=0.5).contains(&capacity.resolution),
        "capacity.resolution",
        "must be from 0.005 to 0.5",
    );
    require(
        (4..=100).contains(&capacity.probes_max),
        "capacity.probes_max",
        "must be from 4 to 100",
    );
    let rate = |rate: &f64| (RATE_MIN..=RATE_MAX).contains(rate);
    require(
        capacity.demands.iter().all(rate),
        "capacity.demands",
        &format!("must be from {RATE_MIN} to {RATE_MAX} messages a second each"),
    );
    let most = capacity.allocations.iter().max().copied().unwrap_or(1);
    require(
        spec.workload.arrival.rate_per_s * f64::from(most) <= RATE_MAX,
        "workload.arrival.rate_per_s",
        &format!("times {most} workers must not exceed {RATE_MAX} messages a second"),
    );
    require(spec.faults.is_empty(), "faults", "must be empty where capacity is searched for");
    let constant = spec.workload.arrival.shape == ShapeSpec::Constant;
    require(constant, "workload.arrival.shape", "must be constant where capacity is searched for");
    problems
}
