//! From what a trial measured to its run record.

use super::load::Loaded;
use super::{Measured, TrialPlan, Usage, machine, phases, recovery};
use chaos::FaultOutcome;
use results::record::{IndicatorInputs, RECORD_SCHEMA};
use results::{
    Elasticity, Health, HealthLimits, HistogramRecord, Indicators, Latencies, Program, RunRecord,
    Span, Steadiness, Verdict, VerdictKind, WorkloadIdentity,
};
use std::collections::BTreeMap;
use std::time::Duration;
use workloads::{Event, Generator};

/// Builds and judges the record.
pub(super) fn build(
    plan: &TrialPlan,
    started_at: &str,
    environment: results::Environment,
    measured: Measured,
    usage: &Usage,
    interrupted: bool,
) -> RunRecord {
    let Measured { load, faults, phases } = measured;
    let spec = &plan.scenario.spec;
    let oracle = &load.collector.oracle;
    let delivery = oracle.verify(&load.ledger, load.log.as_ref(), describe(plan));
    let response = measured_response(&load);
    let unhealed: Vec<_> = faults.iter().filter_map(unhealed).collect();
    let faults = recovery::fault_spans(plan, &faults, &load);
    let empty = Latencies::new();
    let steady = load.collector.phases.get("steady").unwrap_or(&empty);
    let phases = spans(&phases, &load);
    let load_s = load.sent_after.min(spec.duration).as_secs_f64();
    let warm_up_s = spec.warm_up.as_secs_f64();
    let series = &load.samples.series;
    let demand = plan.demand();
    let indicators = Indicators::measure(IndicatorInputs {
        response: &response,
        steady,
        delivery: &delivery,
        faults: &faults,
        decisions: &load.samples.decisions,
        objective_us: plan.objective_us(),
        elasticity: demand.and_then(|d| Elasticity::measure(series, &d, warm_up_s, load_s)),
        load_s,
        worker_seconds: load.samples.worker_seconds,
        price_per_worker_hour: Some((spec.price.worker_hour, &spec.price.currency)),
        missed_sends: load.driver.missed,
    });
    let steadiness = Steadiness::measure(series, warm_up_s, steady_end_s(&phases), steady);
    let mut health = health(&load, &response, usage);
    health.spoiled.extend(unhealed);
    if interrupted {
        health.spoiled.push("The trial was interrupted before its end.".to_owned());
    }
    let mut record = RunRecord {
        schema: RECORD_SCHEMA.to_owned(),
        run: plan.run.clone(),
        trial: plan.name(),
        scenario: plan.scenario.identity(),
        strategy: plan.strategy.as_str().to_owned(),
        repetition: plan.repetition,
        seed: plan.seed,
        started_at: started_at.to_owned(),
        program: program(),
        machine: machine::describe(),
        environment,
        workload: workload(plan),
        phases,
        faults,
        alarms: load.alarms,
        series: load.samples.series,
        response: response.to_record(),
        phase_response: histograms(&load.collector.phases),
        service: None,
        delivery,
        indicators,
        steadiness,
        health,
        decisions: load.samples.decisions,
        schema_versions: load
            .collector
            .schema_versions
            .iter()
            .map(|(version, count)| (version.to_string(), *count))
            .collect(),
        verdict: Verdict { kind: VerdictKind::Pass, reasons: Vec::new() },
        replay: plan.replay.clone(),
    };
    record.verdict = results::judge(record.evidence(), &spec.objectives, &HealthLimits::default());
    record
}

/// Names a message by its key and its place in it.
fn describe(plan: &TrialPlan) -> impl FnMut(u64) -> String {
    let mut generator = Generator::new(&plan.scenario.workload, plan.seed);
    let mut event = Event::default();
    move |position| {
        generator.event(position, &mut event);
        let key = String::from_utf8_lossy(event.key_bytes());
        format!("message {position} (key {key}, sequence {})", event.sequence)
    }
}

/// Response times of every phase but the warm-up.
fn measured_response(load: &Loaded) -> Latencies {
    let mut response = Latencies::new();
    let phases = load.collector.phases.iter();
    phases.filter(|(name, _)| **name != phases::WARM_UP).for_each(|(_, part)| response.merge(part));
    response
}

fn histograms(phases: &BTreeMap<&'static str, Latencies>) -> BTreeMap<String, HistogramRecord> {
    phases.iter().map(|(name, part)| ((*name).to_owned(), part.to_record())).collect()
}

fn health(load: &Loaded, response: &Latencies, usage: &Usage) -> Health {
    let dispatch = &load.driver.dispatch_error;
    Health {
        dispatch_error_p99_us: dispatch.quantile_us(0.99).unwrap_or(0),
        dispatch_error_max_us: dispatch.max_us().unwrap_or(0),
        harness_cpu_share: usage.process_share(),
        missed_sends: load.driver.missed,
        rss_bytes_max: machine::memory_bytes_max(),
        negative_latencies: response.negatives(),
        overflow_latencies: response.overflows(),
        checks: {
            let recorders = [&load.collector.recorded(), &load.samples.response];
            load.collector.oracle.check_harness(&load.ledger, &recorders)
        },
        spoiled: load.spoiled.clone(),
    }
}

/// A trial is not over until every fault is healed.
fn unhealed(fault: &FaultOutcome) -> Option<String> {
    let error = fault.heal_error.as_ref()?;
    Some(format!("The fault {} could not be healed: {error}.", fault.name))
}

fn spans(phases: &[(Duration, &str)], load: &Loaded) -> Vec<Span> {
    let mut start_s = 0.0;
    let mut spans = Vec::new();
    let ends = phases.iter().map(|(end, name)| (end.as_secs_f64(), *name));
    let drain = (load.drained_after.as_secs_f64(), "drain");
    for (end_s, name) in ends.chain([drain]) {
        if end_s > start_s {
            spans.push(Span { name: name.to_owned(), start_s, end_s });
            start_s = end_s;
        }
    }
    spans
}

/// The end of the steady phase: from there on, something is out of the ordinary.
fn steady_end_s(phases: &[Span]) -> f64 {
    phases.iter().find(|span| span.name == "steady").map_or(0.0, |span| span.end_s)
}

fn workload(plan: &TrialPlan) -> WorkloadIdentity {
    let workload = &plan.scenario.workload;
    WorkloadIdentity {
        fingerprint: workloads::fingerprint(workload, plan.seed),
        events: "market_data".to_owned(),
        symbols: workload.symbols(),
        payload_bytes: u32::try_from(workload.payload_bytes()).unwrap_or(u32::MAX),
        planned: workload.total(),
    }
}

/// This program, as built.
pub(super) fn program() -> Program {
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    Program {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        git_revision: env!("STORMGAUGE_REVISION").to_owned(),
        profile: profile.to_owned(),
    }
}
