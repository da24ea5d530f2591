//! The scenario of a trial: what is tried, with its faults, and time to recover after them.

use crate::environment::Capability;
use crate::exit::Failure;
use crate::scenario::ValidatedScenario;
use crate::scenario::spec::{ScenarioSpec, StrategyName};
use crate::scenario::validated::{NAME_MAX, inventory};
use chaos::FaultSpec;
use chaos::random::{Dial, draw};
use results::Objectives;
use std::time::Duration;

/// Beside the recovery objective: a second for the last healing, and two calm ones that end an
/// episode of disturbance.
const CALM: Duration = Duration::from_secs(3);

/// Where the faults of trials come from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Weather {
    /// Drawn from the seed, in place of those in the scenario.
    Random {
        /// How much breaks, 0 to 1.
        intensity: f64,
    },
    /// Those in the scenario.
    Listed,
}

impl Weather {
    /// The scenario of the trial with this seed.
    ///
    /// # Errors
    /// When there is no such scenario.
    pub fn put_into(
        &self,
        base: &ValidatedScenario,
        capability: Capability,
        strategy: StrategyName,
        seed: u64,
    ) -> Result<ValidatedScenario, Failure> {
        let faults = match self {
            Self::Random { intensity } => {
                let window = base.spec.warm_up..base.spec.duration;
                let Capability { refuses, .. } = capability;
                let dial = Dial { seed, intensity: *intensity, window, refuses };
                draw(&dial, &base.spec.blast_radius, &inventory(&base.spec))
            }
            Self::Listed => base.spec.faults.clone(),
        };
        let changed = base.derived(|spec| {
            spec.name = name(&spec.name, seed);
            spec.strategies = vec![strategy];
            spec.repetitions = 1;
            spec.capacity = None;
            spec.expected = None;
            spec.objectives = of_messages(&spec.objectives);
            spec.faults = faults;
            spec.duration = spec.duration.max(needed(spec));
        });
        changed.map_err(Failure::usage)
    }

    /// The flags that ask for it.
    pub fn flags(&self) -> String {
        match self {
            Self::Random { intensity } => format!("--chaos random --intensity {intensity}"),
            Self::Listed => "--chaos listed".to_owned(),
        }
    }
}

/// The load that it takes to see whether the system recovers from all faults.
pub(super) fn needed(spec: &ScenarioSpec) -> Duration {
    let ends = spec.faults.iter().filter_map(FaultSpec::end);
    ends.max().map_or(Duration::ZERO, |end| end + spec.job.objectives.recovery + CALM)
}

/// The objectives that hold whatever breaks: other figures were meant for other faults.
fn of_messages(objectives: &Objectives) -> Objectives {
    let mut kept = Objectives::new();
    for (indicator, bound) in objectives.iter().filter(|(name, _)| is_safety(name.as_str())) {
        // A bound reads back what it writes.
        let _same = kept.set(indicator, &bound.to_string());
    }
    kept
}

fn is_safety(indicator: &str) -> bool {
    ["lost", "duplicated", "reordered", "unexpected"].contains(&indicator)
}

/// A name of its own for each seed, as long as names may be.
fn name(base: &str, seed: u64) -> String {
    let seed = format!("-{seed}");
    let kept: String = base.chars().take(NAME_MAX - seed.len()).collect();
    kept + &seed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::builtin;
    use crate::scenario::validated::Overrides;

    fn base(name: &str) -> ValidatedScenario {
        let text = builtin::scenario(name).unwrap();
        ValidatedScenario::parse(name, text, &Overrides::default()).unwrap()
    }

    #[test]
    fn every_seed_has_its_own_schedule_with_time_to_recover() {
        let (base, strategy) = (base("smoke"), StrategyName::LowLatency);
        let weather = Weather::Random { intensity: 1.0 };
        let mut schedules = std::collections::BTreeSet::new();
        for seed in [1, 2, u64::MAX] {
            let scenario = weather.put_into(&base, Capability::LOCAL, strategy, seed).unwrap();
            let spec = &scenario.spec;
            assert!(spec.name.len() <= NAME_MAX && spec.name.ends_with(&seed.to_string()));
            assert!(spec.faults.iter().all(|fault| fault.at >= Some(base.spec.warm_up)));
            assert!(spec.faults.iter().all(|fault| fault.end() <= Some(base.spec.duration)));
            assert!(spec.duration >= needed(spec) && spec.duration >= base.spec.duration);
            schedules.insert(serde_json::to_string(&spec.faults).unwrap());
        }
        assert_eq!(schedules.len(), 3);
    }

    #[test]
    fn only_objectives_that_hold_under_any_fault_are_kept() {
        let scenario = Weather::Listed.put_into(
            &base("smoke"),
            Capability::LOCAL,
            StrategyName::LowLatency,
            1,
        );
        let spec = scenario.unwrap().spec;
        let kept: Vec<&str> = spec.objectives.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(kept, ["lost", "reordered", "unexpected"]);
        assert_eq!(spec.faults, base("smoke").spec.faults);
    }

    #[test]
    fn what_proves_that_a_bug_is_found_is_a_failure_here() {
        let base = base("checkers-commit-early");
        let scenario = Weather::Listed
            .put_into(&base, Capability::LOCAL, StrategyName::HighThroughput, 1)
            .unwrap();
        assert!(scenario.spec.expected.is_none() && scenario.spec.planted.is_some());
    }
}
