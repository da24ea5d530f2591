//! A failing scenario as something that can be made smaller.

use super::weather::needed;
use crate::scenario::ValidatedScenario;
use crate::scenario::spec::ScenarioSpec;
use chaos::shrink::{Case, faults};
use std::sync::Arc;
use workloads::spec::ShapeSpec;

/// The lowest rate that is tried, messages a second: below it hardly anything is seen.
const RATE_LEAST: f64 = 20.0;

/// A scenario whose faults are its parts.
#[derive(Debug, Clone)]
pub(super) struct Candidate(pub(super) Arc<ValidatedScenario>);

/// In what respect a candidate can be made simpler, in the order in which that is tried.
const RESPECTS: [fn(&ScenarioSpec) -> Vec<ScenarioSpec>; 4] =
    [shorter_faults, shorter_load, less_load, fewer_members];

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.0.digest == other.0.digest
    }
}

impl Candidate {
    /// The candidate with another specification, if that is one that can be run.
    fn with(&self, spec: ScenarioSpec) -> Option<Self> {
        let scenario = self.0.derived(|own| *own = spec).ok()?;
        Some(Self(Arc::new(scenario))).filter(|other| other != self)
    }
}

impl Case for Candidate {
    fn parts(&self) -> usize {
        self.0.spec.faults.len()
    }

    fn only(&self, parts: &[usize]) -> Option<Self> {
        let mut spec = self.0.spec.clone();
        let faults = spec.faults;
        spec.faults = parts.iter().map(|part| faults[*part].clone()).collect();
        let scenario = self.0.derived(|own| *own = spec).ok()?;
        Some(Self(Arc::new(scenario)))
    }

    fn respects(&self) -> usize {
        RESPECTS.len()
    }

    fn simpler(&self, respect: usize) -> Vec<Self> {
        let specs = RESPECTS[respect](&self.0.spec);
        specs.into_iter().filter_map(|spec| self.with(spec)).collect()
    }
}

fn shorter_faults(spec: &ScenarioSpec) -> Vec<ScenarioSpec> {
    let lists = faults::shorter(&spec.faults).into_iter();
    lists.map(|faults| ScenarioSpec { faults, ..spec.clone() }).collect()
}

/// A load that ends soon after the faults, and then one that begins shortly before them.
fn shorter_load(spec: &ScenarioSpec) -> Vec<ScenarioSpec> {
    let fitted = |spec: &ScenarioSpec| {
        let duration = needed(spec).max(spec.warm_up * 2).min(spec.duration);
        ScenarioSpec { duration, ..spec.clone() }
    };
    let first = spec.faults.iter().filter_map(|fault| fault.at).min();
    let ahead = first.and_then(|first| first.checked_sub(spec.warm_up)).unwrap_or_default();
    let mut earlier = spec.clone();
    let times = earlier.faults.iter_mut().flat_map(|fault| [&mut fault.at, &mut fault.until]);
    times.flatten().for_each(|time| *time = time.saturating_sub(ahead));
    vec![fitted(&earlier), fitted(spec)]
}

/// An even load, without what is special about it, and at a lower rate.
fn less_load(spec: &ScenarioSpec) -> Vec<ScenarioSpec> {
    let mut plain = spec.clone();
    plain.workload.arrival.shape = ShapeSpec::Constant;
    plain.workload.lateness = None;
    plain.workload.schema_change = None;
    let slower = [4.0, 2.0].into_iter().filter_map(|factor| {
        let mut slower = plain.clone();
        slower.workload.arrival.rate_per_s /= factor;
        (slower.workload.arrival.rate_per_s >= RATE_LEAST).then_some(slower)
    });
    slower.chain([plain.clone()]).collect()
}

/// Fewer targets, nodes, workers and partitions. Brokers stay: with fewer of them there are
/// fewer replicas, which is another system.
fn fewer_members(spec: &ScenarioSpec) -> Vec<ScenarioSpec> {
    let lists = faults::fewer_members(&spec.faults).into_iter();
    let targets = lists.map(|faults| ScenarioSpec { faults, ..spec.clone() });
    let change = |change: fn(&mut ScenarioSpec)| {
        let mut changed = spec.clone();
        change(&mut changed);
        changed
    };
    let halves = [
        change(|spec| {
            let environment = &mut spec.environment;
            environment.nodes = (environment.nodes / 2).max(1);
            environment.zones = environment.zones.min(environment.nodes);
        }),
        change(|spec| {
            let scaling = &mut spec.job.scaling;
            scaling.max_replicas = (scaling.max_replicas / 2).max(1);
            scaling.min_replicas = scaling.min_replicas.min(scaling.max_replicas);
        }),
        change(|spec| spec.environment.partitions = (spec.environment.partitions / 2).max(1)),
    ];
    targets.chain(halves).collect()
}

#[cfg(test)]
mod tests;
