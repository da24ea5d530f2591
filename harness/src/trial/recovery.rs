//! The faults of a trial as its record keeps them, each with the recovery from it.

use super::TrialPlan;
use super::load::Loaded;
use chaos::FaultOutcome;
use results::recovery::{FaultTimes, Observed, Sign, SignKind, Thresholds};
use results::{Decision, FaultSpan, FaultState, Recovery};
use std::time::Duration;

/// The faults with their recovery.
pub(super) fn fault_spans(
    plan: &TrialPlan,
    faults: &[FaultOutcome],
    load: &Loaded,
) -> Vec<FaultSpan> {
    let decisions = load.samples.decisions.iter().filter_map(sign_of);
    let signs: Vec<Sign> = load.signs.iter().cloned().chain(decisions).collect();
    let observed = Observed {
        series: &load.samples.series,
        signs: &signs,
        stalls: &load.samples.stalls,
        load_s: load.sent_after.min(plan.scenario.spec.duration).as_secs_f64(),
    };
    let span = |fault: &FaultOutcome| {
        let later = faults.iter().filter_map(|other| other.installed);
        let next = later.filter(|at| Some(*at) > fault.installed).min();
        fault_span(fault, recovery(plan, fault, next, &observed))
    };
    faults.iter().map(span).collect()
}

/// A decision for more workers is a sign that the operator has noticed something.
fn sign_of(decision: &Decision) -> Option<Sign> {
    let sign = Sign { at_s: decision.t_s, kind: SignKind::Decision, about: None };
    (decision.to > decision.from).then_some(sign)
}

/// The recovery from a fault that landed.
fn recovery(
    plan: &TrialPlan,
    fault: &FaultOutcome,
    next: Option<Duration>,
    observed: &Observed<'_>,
) -> Option<Recovery> {
    if !matches!(fault.state, chaos::FaultState::Landed { .. }) {
        return None;
    }
    let installed = fault.installed?;
    let times = FaultTimes {
        installed_s: installed.as_secs_f64(),
        healed_s: fault.healed.unwrap_or(installed).as_secs_f64(),
        next_s: next.map(|at| at.as_secs_f64()),
    };
    let objective = plan.scenario.spec.job.objectives.p99_latency;
    let thresholds =
        Thresholds { p99_ms: objective.as_secs_f64() * 1e3, lag_records: lag_threshold(plan) };
    Some(Recovery::measure(observed, &times, &fault.targets, &thresholds))
}

fn fault_span(fault: &FaultOutcome, recovery: Option<Recovery>) -> FaultSpan {
    let seconds = |at: Option<Duration>| at.map(|at| at.as_secs_f64());
    let (state, evidence) = match &fault.state {
        chaos::FaultState::Landed { evidence } => (FaultState::Landed, evidence.clone()),
        chaos::FaultState::Skipped { reason } => (FaultState::Skipped, reason.clone()),
        chaos::FaultState::Indeterminate { reason } => (FaultState::Indeterminate, reason.clone()),
    };
    FaultSpan {
        name: fault.name.clone(),
        kind: fault.kind.clone(),
        targets: fault.targets.clone(),
        due_s: fault.due.as_secs_f64(),
        installed_s: seconds(fault.installed),
        landed_s: seconds(fault.landed),
        healed_s: seconds(fault.healed),
        state,
        evidence,
        recovery,
    }
}

/// The lag that the job may have while it meets its lag objective at its mean rate.
fn lag_threshold(plan: &TrialPlan) -> u64 {
    let spec = &plan.scenario.spec;
    let mean = plan.scenario.workload.total() as f64 / spec.duration.as_secs_f64();
    (mean * spec.job.objectives.lag_time.as_secs_f64()).ceil() as u64
}
