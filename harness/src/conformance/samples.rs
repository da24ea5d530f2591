//! One fault of each kind, taken from the built-in scenarios.

use crate::scenario::validated::Overrides;
use crate::scenario::{ScenarioError, ValidatedScenario, builtin};
use chaos::{Fault, PlannedFault};
use std::collections::BTreeSet;

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

/// The load that they are held against. Its own faults are not played.
///
/// # Errors
/// When a built-in scenario is not valid.
pub fn scenario() -> Result<ValidatedScenario, ScenarioError> {
    let most = read(MOST)?.spec;
    read(LOAD)?.derived(|spec| {
        spec.name = "conformance".to_owned();
        (spec.duration, spec.environment, spec.job) = (most.duration, most.environment, most.job);
        // Few enough workers for the sample that rescales to find more.
        spec.job.scaling.min_replicas = 3;
        spec.faults.retain(|spec| !matches!(spec.fault, Fault::Rescale(_)));
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
        let kinds = samples.iter().map(|sample| sample.action.fault.kind().kind);
        let kinds: BTreeSet<&str> = kinds.collect();
        let catalogue: BTreeSet<&str> =
            chaos::catalogue().into_iter().map(|kind| kind.kind).collect();
        assert_eq!(kinds, catalogue, "some built-in scenario has each kind of fault");
        scenario().unwrap();
    }
}
