//! One fault of each kind, taken from the built-in scenarios.

use crate::scenario::validated::Overrides;
use crate::scenario::{ScenarioError, ValidatedScenario, builtin};
use chaos::{Fault, PlannedFault};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The scenario with the most kinds: what it has is taken from there.
const MOST: &str = "chaos";
/// The scenario whose load can meet every kind: it has dead letters, and leaders acknowledge alone.
const LOAD: &str = "brokers-and-workload";

/// The first fault of each kind, with the targets that `seed` draws.
///
/// # Errors
/// When a built-in scenario is not valid.
pub fn samples(seed: u64) -> Result<Vec<PlannedFault>, ScenarioError> {
    let mut seen = BTreeSet::new();
    let mut samples = Vec::new();
    let all = builtin::SCENARIOS.iter().map(|(name, _)| *name);
    for name in std::iter::once(MOST).chain(all) {
        let faults = read(name)?.schedule.resolve(seed).into_iter();
        samples.extend(faults.filter(|fault| seen.insert(fault.action.fault.kind().kind)));
    }
    Ok(samples)
}

/// Faults and the load that they are held against.
#[derive(Debug)]
pub struct Group {
    /// The load. Its own faults are not played.
    pub scenario: Arc<ValidatedScenario>,
    /// The faults.
    pub samples: Vec<PlannedFault>,
}

/// Samples by the load that they need: with as many workers all the time, since what a strategy
/// adds after a fault takes long to go again, or with room for more.
///
/// # Errors
/// When a built-in scenario is not valid.
pub fn groups(samples: Vec<PlannedFault>) -> Result<Vec<Group>, ScenarioError> {
    let is_scaled = |sample: &PlannedFault| matches!(sample.action.fault, Fault::Rescale(_));
    let (scaled, fixed): (Vec<_>, Vec<_>) = samples.into_iter().partition(is_scaled);
    let groups = [("conformance", 3, fixed), ("conformance-scaled", 4, scaled)];
    let filled = groups.into_iter().filter(|(_, _, samples)| !samples.is_empty());
    let group = |(name, workers_max, samples)| {
        let scenario = Arc::new(scenario(name, workers_max)?);
        Ok(Group { scenario, samples })
    };
    filled.map(group).collect()
}

fn scenario(name: &str, workers_max: u32) -> Result<ValidatedScenario, ScenarioError> {
    let mut most = read(MOST)?.spec;
    // By this an environment knows that brokers reach their peers by way of proxies.
    most.faults.retain(|spec| matches!(spec.fault, Fault::ReplicationLag(_)));
    read(LOAD)?.derived(|spec| {
        name.clone_into(&mut spec.name);
        (spec.duration, spec.environment, spec.job) = (most.duration, most.environment, most.job);
        (spec.job.scaling.min_replicas, spec.job.scaling.max_replicas) = (3, workers_max);
        spec.faults = most.faults;
    })
}

fn read(name: &str) -> Result<ValidatedScenario, ScenarioError> {
    let text = builtin::scenario(name).unwrap_or_default();
    ValidatedScenario::parse(name, text, &Overrides::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_sample_of_every_kind() {
        let samples = samples(1).unwrap();
        let kinds: BTreeSet<&str> =
            samples.iter().map(|sample| sample.action.fault.kind().kind).collect();
        let catalogue: BTreeSet<&str> =
            chaos::catalogue().into_iter().map(|kind| kind.kind).collect();
        assert_eq!(kinds, catalogue, "some built-in scenario has each kind of fault");
        let groups = groups(samples).unwrap();
        assert_eq!(groups.iter().map(|group| group.samples.len()).sum::<usize>(), kinds.len());
    }
}
