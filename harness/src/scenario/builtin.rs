//! The scenarios and suites that the program carries, as files.

/// Built-in suites: name and text.
pub const SUITES: &[(&str, &str)] = &[
    ("smoke", include_str!("../../suites/smoke.yaml")),
    ("stress", include_str!("../../suites/stress.yaml")),
    ("chaos", include_str!("../../suites/chaos.yaml")),
    ("checkers", include_str!("../../suites/checkers.yaml")),
    ("durability", include_str!("../../suites/durability.yaml")),
    ("capacity", include_str!("../../suites/capacity.yaml")),
];

/// Built-in scenarios: name and text.
pub const SCENARIOS: &[(&str, &str)] = &[
    ("smoke", include_str!("../../scenarios/smoke.yaml")),
    ("stress", include_str!("../../scenarios/stress.yaml")),
    ("capacity", include_str!("../../scenarios/capacity.yaml")),
    ("nodes-and-workers", include_str!("../../scenarios/nodes-and-workers.yaml")),
    ("broker-answers", include_str!("../../scenarios/broker-answers.yaml")),
    ("chaos", include_str!("../../scenarios/chaos.yaml")),
    ("control-plane", include_str!("../../scenarios/control-plane.yaml")),
    ("brokers-and-workload", include_str!("../../scenarios/brokers-and-workload.yaml")),
    ("poison", include_str!("../../scenarios/poison.yaml")),
    ("containers", include_str!("../../scenarios/containers.yaml")),
    ("conditions", include_str!("../../scenarios/conditions.yaml")),
    ("duet", include_str!("../../scenarios/duet.yaml")),
    ("checkers-clean", include_str!("../../scenarios/checkers-clean.yaml")),
    ("checkers-commit-early", include_str!("../../scenarios/checkers-commit-early.yaml")),
    ("checkers-drop", include_str!("../../scenarios/checkers-drop.yaml")),
    ("checkers-hidden-loss", include_str!("../../scenarios/checkers-hidden-loss.yaml")),
    ("checkers-swap", include_str!("../../scenarios/checkers-swap.yaml")),
    ("checkers-last-second", include_str!("../../scenarios/checkers-last-second.yaml")),
    ("checkers-unsent", include_str!("../../scenarios/checkers-unsent.yaml")),
    ("checkers-skip-poll", include_str!("../../scenarios/checkers-skip-poll.yaml")),
    ("checkers-stamp-at-send", include_str!("../../scenarios/checkers-stamp-at-send.yaml")),
    ("checkers-drop-slowest", include_str!("../../scenarios/checkers-drop-slowest.yaml")),
    ("durability-acks-leader", include_str!("../../scenarios/durability-acks-leader.yaml")),
    ("durability-acks-all", include_str!("../../scenarios/durability-acks-all.yaml")),
    ("durability-exactly-once", include_str!("../../scenarios/durability-exactly-once.yaml")),
    ("durability-at-least-once", include_str!("../../scenarios/durability-at-least-once.yaml")),
];

/// The text of a built-in suite.
pub fn suite(name: &str) -> Option<&'static str> {
    find(SUITES, name)
}

/// The text of a built-in scenario.
pub fn scenario(name: &str) -> Option<&'static str> {
    find(SCENARIOS, name)
}

fn find(files: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    files.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::validated::Overrides;
    use crate::scenario::{SuiteSpec, ValidatedScenario};

    #[test]
    fn every_built_in_scenario_is_valid_and_named_after_its_file() {
        for (name, text) in SCENARIOS {
            let scenario = ValidatedScenario::parse(name, text, &Overrides::default());
            assert_eq!(&scenario.unwrap().spec.name, name);
        }
    }

    #[test]
    fn every_built_in_suite_names_built_in_scenarios() {
        for (name, text) in SUITES {
            let suite = SuiteSpec::parse(name, text).unwrap();
            assert_eq!(&suite.name, name);
            assert!(suite.scenarios.iter().all(|named| scenario(named).is_some()));
        }
    }
}
