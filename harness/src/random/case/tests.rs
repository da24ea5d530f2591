use super::*;
use crate::environment::Capability;
use crate::random::weather::Weather;
use crate::scenario::builtin;
use crate::scenario::spec::StrategyName;
use crate::scenario::validated::Overrides;
use chaos::FaultSpec;
use chaos::shrink::{Limits, Said, shrink};

fn drawn(seed: u64) -> Candidate {
    let text = builtin::scenario("smoke").unwrap();
    let base = ValidatedScenario::parse("smoke", text, &Overrides::default()).unwrap();
    let weather = Weather::Random { intensity: 0.5 };
    let scenario = weather.put_into(&base, Capability::LOCAL, StrategyName::LowLatency, seed);
    Candidate(Arc::new(scenario.unwrap()))
}

/// Whether a fault that costs workers overlaps one that costs a broker, as the bug of
/// `ci/random-chaos` wants it.
fn is_bad(spec: &ScenarioSpec) -> bool {
    let of = |kinds: [&'static str; 4]| {
        spec.faults.iter().filter(move |fault| kinds.contains(&fault.fault.kind().kind))
    };
    let workers = || of(["node_crash", "node_pause", "node_reboot", "pod_kill"]);
    let brokers =
        || of(["broker_crash", "broker_power_loss", "broker_shutdown", "broker_isolation"]);
    let overlap = |a: &FaultSpec, b: &FaultSpec| a.at < b.end() && b.at < a.end();
    workers().any(|worker| brokers().any(|broker| overlap(worker, broker)))
}

#[test]
fn a_bug_of_two_faults_is_found_and_shrunk_to_them() {
    let mut found = 0;
    for first in (0..600).map(drawn).filter(|first| is_bad(&first.0.spec)).take(3) {
        let limits = Limits { repeats: 1, confirm: 1, trials: 500 };
        let oracle = async |candidate: &Candidate| match is_bad(&candidate.0.spec) {
            true => Said::Failed,
            false => Said::Kept,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let shrunk = runtime.block_on(shrink(first.clone(), limits, || true, oracle));
        let (before, after) = (&first.0.spec, &shrunk.case.0.spec);
        assert!(shrunk.is_complete && is_bad(after));
        assert_eq!(after.faults.len(), 2);
        assert!(after.duration < before.duration && after.duration >= needed(after));
        assert!(after.workload.arrival.rate_per_s < 2.0 * RATE_LEAST);
        assert_eq!((after.environment.brokers, after.job.scaling.max_replicas), (3, 1));
        assert!(shrunk.trials < 100, "{}", shrunk.trials);
        found += 1;
    }
    assert_eq!(found, 3, "too few seeds meet the bug");
}

#[test]
fn a_candidate_that_cannot_be_run_is_none() {
    let first = drawn(3);
    let names = |candidate: &Candidate| -> Vec<Option<String>> {
        candidate.0.spec.faults.iter().map(|fault| fault.name.clone()).collect()
    };
    let last = first.only(&[first.parts() - 1]).unwrap();
    assert_eq!(names(&last), names(&first)[first.parts() - 1..]);
    // With no node there is nobody to work.
    assert!(first.with(ScenarioSpec { faults: Vec::new(), ..first.0.spec.clone() }).is_some());
    let mut none = first.0.spec.clone();
    none.environment.nodes = 0;
    assert!(first.with(none).is_none());
    assert!(first.with(first.0.spec.clone()).is_none());
}
