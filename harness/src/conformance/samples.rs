//! One fault of each kind, taken from the built-in scenarios.

use crate::environment::Capability;
use crate::environment::docker::{disturbs_peers, reads_requests};
use crate::scenario::validated::Overrides;
use crate::scenario::{ScenarioError, ValidatedScenario, builtin};
use chaos::{Fault, PlannedFault};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The scenario with the most kinds: what it has is taken from there.
const MOST: &str = "chaos";
/// The scenario whose workers get over messages that kill.
const POISONED: &str = "poison";
/// The scenario whose load can meet every kind: it has dead letters, and leaders acknowledge alone.
const LOAD: &str = "brokers-and-workload";

/// An objective that is met without more workers.
const PATIENT: Duration = Duration::from_secs(60);

/// The first fault of each kind that an environment can do, with the targets that `seed` draws.
///
/// # Errors
/// When a built-in scenario is not valid.
pub fn samples(capability: Capability, seed: u64) -> Result<Vec<PlannedFault>, ScenarioError> {
    let can_do = |kind: &str| (capability.refuses)(kind).is_none();
    let mut seen = BTreeSet::new();
    let mut samples = Vec::new();
    let all = builtin::SCENARIOS.iter().map(|(name, _)| *name);
    for name in [capability.showcase, MOST].into_iter().chain(all) {
        let faults = read(name)?.schedule.resolve(seed).into_iter();
        samples.extend(faults.filter(|fault| {
            let kind = fault.action.fault.kind().kind;
            can_do(kind) && seen.insert(kind)
        }));
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
/// adds after a fault takes long to go again, or with room for more; and with brokers whose
/// followers can be made to trail, or whose answers can be spoiled, or workers that take note of what
/// others died of.
///
/// # Errors
/// When a built-in scenario is not valid.
pub fn groups(samples: Vec<PlannedFault>) -> Result<Vec<Group>, ScenarioError> {
    let is_scaled = |sample: &PlannedFault| matches!(sample.action.fault, Fault::Rescale(_));
    let (scaled, fixed): (Vec<_>, Vec<_>) = samples.into_iter().partition(is_scaled);
    let (trailing, fixed): (Vec<_>, Vec<_>) =
        fixed.into_iter().partition(|sample| disturbs_peers(&sample.action.fault));
    let (answering, fixed): (Vec<_>, Vec<_>) =
        fixed.into_iter().partition(|sample| reads_requests(&sample.action.fault));
    let (poisonous, fixed): (Vec<_>, Vec<_>) = fixed.into_iter().partition(poisons);
    let groups = [
        ("conformance", 3, fixed),
        ("conformance-scaled", 4, scaled),
        ("conformance-trailing", 3, trailing),
        ("conformance-answering", 3, answering),
        ("conformance-poisoned", 3, poisonous),
    ];
    let filled = groups.into_iter().filter(|(_, _, samples)| !samples.is_empty());
    let group = |(name, workers_max, samples): (_, _, Vec<PlannedFault>)| {
        let scenario = Arc::new(scenario(name, workers_max, &samples)?);
        Ok(Group { scenario, samples })
    };
    filled.map(group).collect()
}

fn scenario(
    name: &str,
    workers_max: u32,
    samples: &[PlannedFault],
) -> Result<ValidatedScenario, ScenarioError> {
    let (most, poisoned) = (read(MOST)?.spec, read(POISONED)?.spec);
    read(LOAD)?.derived(|spec| {
        name.clone_into(&mut spec.name);
        (spec.duration, spec.environment, spec.job) = (most.duration, most.environment, most.job);
        (spec.job.scaling.min_replicas, spec.job.scaling.max_replicas) = (3, workers_max);
        // However slow the machine is, a strategy does not use that room by itself.
        (spec.job.objectives.p99_latency, spec.job.objectives.lag_time) = (PATIENT, PATIENT);
        spec.faults.retain(|spec| !matches!(spec.fault, Fault::Rescale(_)));
        // By its faults is known which brokers and workers a scenario needs.
        for of in [disturbs_peers, reads_requests] {
            spec.faults.retain(|spec| !of(&spec.fault));
            if samples.iter().any(|sample| of(&sample.action.fault)) {
                spec.faults.extend(most.faults.iter().filter(|spec| of(&spec.fault)).cloned());
            }
        }
        if samples.iter().any(poisons) {
            spec.faults.extend(poisoned.faults);
        }
    })
}

fn poisons(sample: &PlannedFault) -> bool {
    matches!(sample.action.fault, Fault::PoisonMessage(_))
}

fn read(name: &str) -> Result<ValidatedScenario, ScenarioError> {
    let text = builtin::scenario(name).unwrap_or_default();
    ValidatedScenario::parse(name, text, &Overrides::default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_sample_of_every_kind_that_an_environment_can_do() {
        for capability in Capability::ALL {
            let samples = samples(capability, 1).unwrap();
            let kinds: BTreeSet<&str> =
                samples.iter().map(|sample| sample.action.fault.kind().kind).collect();
            let all = chaos::catalogue().into_iter().map(|kind| kind.kind);
            let possible = all.filter(|kind| (capability.refuses)(kind).is_none());
            assert_eq!(kinds, possible.collect(), "{}", capability.environment);
            let groups = groups(samples).unwrap();
            assert_eq!(groups.iter().map(|group| group.samples.len()).sum::<usize>(), kinds.len());
        }
    }
}
