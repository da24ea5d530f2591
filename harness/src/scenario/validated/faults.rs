//! Faults that do not fit the rest of the scenario, or the environment.

use crate::environment::Capability;
use crate::scenario::problem::Problem;
use crate::scenario::spec::ScenarioSpec;
use chaos::{Fault, FaultSpec};
use results::Guarantee;

/// The faults that the scenario's own job rules out.
pub(super) fn unfit(spec: &ScenarioSpec) -> Vec<Problem> {
    let mut problems = own_workers(spec);
    problems.extend(poison(spec));
    problems.extend(rescaling(spec));
    problems
}

/// The faults that an environment cannot do.
pub(super) fn impossible(spec: &ScenarioSpec, environment: &Capability) -> Vec<Problem> {
    let problem = |(index, fault): (usize, &FaultSpec)| {
        let kind = fault.fault.kind().kind;
        let reason = (environment.refuses)(kind)?;
        let message = format!("not possible in {}: {reason}", environment.environment);
        Some(Problem::new(format!("faults[{index}].fault.{kind}"), message))
    };
    spec.faults.iter().enumerate().filter_map(problem).collect()
}

/// Only the reference worker leaks when it is told to, or dies of a message.
fn own_workers(spec: &ScenarioSpec) -> Vec<Problem> {
    if spec.job.worker.command.is_none() {
        return Vec::new();
    }
    let reference = |fault: &Fault| matches!(fault, Fault::MemoryLeak(_) | Fault::PoisonMessage(_));
    let message = "needs the reference worker: job.worker.command must be absent";
    each(spec, reference, message)
}

/// A worker that reads its transactions again cannot say at which record it is.
fn poison(spec: &ScenarioSpec) -> Vec<Problem> {
    if spec.delivery.processing == Guarantee::AtLeastOnce {
        return Vec::new();
    }
    let message = "needs delivery.processing: at_least_once";
    each(spec, |fault| matches!(fault, Fault::PoisonMessage(_)), message)
}

/// The same problem with each of these faults.
fn each(spec: &ScenarioSpec, is_one: impl Fn(&Fault) -> bool, message: &str) -> Vec<Problem> {
    let faults = spec.faults.iter().enumerate().filter(|(_, fault)| is_one(&fault.fault));
    let path = |(index, fault): (usize, &FaultSpec)| {
        format!("faults[{index}].fault.{}", fault.fault.kind().kind)
    };
    faults.map(|fault| Problem::new(path(fault), message)).collect()
}

/// What is asked for by hand must be within the job's bounds, or nothing would come of it.
fn rescaling(spec: &ScenarioSpec) -> Vec<Problem> {
    let (least, most) = (spec.job.scaling.min_replicas, spec.job.scaling.max_replicas);
    let outside = spec.faults.iter().enumerate().filter_map(|(index, fault)| match &fault.fault {
        Fault::Rescale(rescale) if !(least..=most).contains(&rescale.replicas) => {
            let path = format!("faults[{index}].fault.rescale.replicas");
            let message = format!(
                "{} is not from {least} to {most}, the bounds in job.scaling",
                rescale.replicas
            );
            Some(Problem::new(path, message))
        }
        _ => None,
    });
    outside.collect()
}

#[cfg(test)]
mod tests {
    use crate::environment::Capability;
    use crate::scenario::validated::Overrides;
    use crate::scenario::{ValidatedScenario, builtin};

    #[test]
    fn only_the_reference_worker_leaks() {
        let text = builtin::scenario("nodes-and-workers").unwrap();
        ValidatedScenario::parse("it", text, &Overrides::default()).unwrap();
        let own = text.replace("service_time: constant 20us,", "command: [mine],");
        let error = ValidatedScenario::parse("it", &own, &Overrides::default()).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("memory_leak") && error.contains("job.worker.command"), "{error}");
    }

    #[test]
    fn only_a_reference_worker_at_least_once_gets_over_poison() {
        let text = builtin::scenario("poison").unwrap();
        let fails = |with: &str, instead: &str| {
            let text = text.replace(with, instead);
            let error = ValidatedScenario::parse("it", &text, &Overrides::default()).unwrap_err();
            error.to_string()
        };
        let error = fails("service_time: constant 1ms,", "command: [mine],");
        assert!(error.contains("poison_message: needs the reference worker"), "{error}");
        let error = fails("expected:", "delivery: { processing: exactly_once }\nexpected:");
        assert!(error.contains("poison_message: needs delivery.processing"), "{error}");
    }

    #[test]
    fn a_fault_that_the_environment_cannot_do_is_refused_with_its_place_and_the_reason() {
        let text = builtin::scenario("smoke").unwrap();
        let refuses = |kind: &str| (kind == "broker_crash").then_some("brokers are not ours");
        let environment = Some(Capability { environment: "elsewhere", showcase: "smoke", refuses });
        let overrides = Overrides { environment, ..Overrides::default() };
        let error = ValidatedScenario::parse("it", text, &overrides).unwrap_err().to_string();
        assert_eq!(
            error,
            "it:19:67: faults[1].fault.broker_crash: not possible in elsewhere: brokers are not ours"
        );
    }

    #[test]
    fn a_scale_outside_of_the_jobs_bounds_is_refused() {
        let text = builtin::scenario("brokers-and-workload").unwrap();
        ValidatedScenario::parse("it", text, &Overrides::default()).unwrap();
        let far = text.replace("rescale: { replicas: ", "rescale: { replicas: 9");
        let error = ValidatedScenario::parse("it", &far, &Overrides::default()).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("fault.rescale.replicas: 9"), "{error}");
        assert!(error.contains("the bounds in job.scaling"), "{error}");
    }
}
