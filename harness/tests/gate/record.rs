//! Records as a trial of the `duet` scenario would leave them.

use harness::scenario::ValidatedScenario;
use harness::scenario::spec::StrategyName;
use harness::scenario::validated::Overrides;
use results::record::{HarnessChecks, IndicatorInputs, RECORD_SCHEMA};
use results::steadiness::Steadiness;
use results::{
    Delivery, Environment, Guarantee, Health, Indicators, Latencies, Machine, Program, RunRecord,
    ScenarioIdentity, Verdict, VerdictKind, WorkloadIdentity,
};
use std::collections::BTreeMap;

/// Messages of a trial.
const MESSAGES: u64 = 100;

/// The scenario as the gate reads it.
pub(crate) fn scenario() -> ValidatedScenario {
    let text = harness::scenario::builtin::scenario("duet").unwrap();
    let strategies = Some(vec![StrategyName::LowLatency]);
    let overrides = Overrides { repetitions: Some(1), strategies, ..Overrides::default() };
    ValidatedScenario::parse("duet", text, &overrides).unwrap()
}

/// A record of a trial whose every response took `p99_ms`.
pub(crate) fn record(scenario: &ValidatedScenario, seed: u64, p99_ms: f64) -> RunRecord {
    record_with_lost(scenario, seed, p99_ms, 0)
}

/// As [`record`], but so many messages were lost.
pub(crate) fn record_with_lost(
    scenario: &ValidatedScenario,
    seed: u64,
    p99_ms: f64,
    lost: u64,
) -> RunRecord {
    let mut response = Latencies::new();
    (0..MESSAGES - lost).for_each(|_| response.record_us((p99_ms * 1e3) as i64));
    let delivery = delivery(lost);
    let indicators = Indicators::measure(IndicatorInputs {
        response: &response,
        steady: &response,
        delivery: &delivery,
        faults: &[],
        decisions: &[],
        load_s: 3.0,
        worker_seconds: 3.0,
        price_per_worker_hour: None,
        missed_sends: 0,
        objective_us: 500_000,
        elasticity: None,
    });
    RunRecord {
        schema: RECORD_SCHEMA.to_owned(),
        run: "out".to_owned(),
        trial: "duet-low_latency-1".to_owned(),
        scenario: ScenarioIdentity {
            name: "duet".to_owned(),
            digest: scenario.digest.clone(),
            yaml: scenario.yaml.clone(),
        },
        strategy: "low_latency".to_owned(),
        repetition: 1,
        seed,
        started_at: format!("2026-01-02T03:04:{:02}Z", seed % 60),
        program: program(),
        machine: machine(),
        environment: Environment {
            name: "local".to_owned(),
            emulated: Vec::new(),
            real: Vec::new(),
            settings: BTreeMap::new(),
        },
        workload: WorkloadIdentity {
            fingerprint: workloads::fingerprint(&scenario.workload, seed),
            events: "market_data".to_owned(),
            symbols: 1,
            payload_bytes: 200,
            planned: MESSAGES,
        },
        phases: Vec::new(),
        faults: Vec::new(),
        alarms: Vec::new(),
        series: Vec::new(),
        steadiness: Steadiness::measure(&[], 1.0, 4.0, &response),
        phase_response: BTreeMap::from([("steady".to_owned(), response.to_record())]),
        response: response.to_record(),
        service: None,
        delivery,
        indicators,
        health: Health {
            checks: HarnessChecks { skipped: Some(0), ..HarnessChecks::default() },
            ..Health::default()
        },
        decisions: Vec::new(),
        schema_versions: BTreeMap::from([("1".to_owned(), MESSAGES)]),
        verdict: Verdict { kind: VerdictKind::Pass, reasons: Vec::new() },
        replay: "stormgauge run duet.yaml".to_owned(),
    }
}

fn delivery(lost: u64) -> Delivery {
    Delivery {
        planned: MESSAGES,
        sent: MESSAGES,
        acknowledged: MESSAGES,
        failed: 0,
        unknown: 0,
        observed: MESSAGES - lost,
        lost,
        duplicated: 0,
        reordered: 0,
        unexpected: 0,
        lost_examples: (0..lost).map(|number| format!("message {number}")).collect(),
        guarantee: Guarantee::AtLeastOnce,
        audit: None,
    }
}

fn program() -> Program {
    Program {
        version: "0.1.0".to_owned(),
        git_revision: "abc1234".to_owned(),
        profile: "release".to_owned(),
    }
}

fn machine() -> Machine {
    Machine {
        os: "linux".to_owned(),
        kernel: "6.1".to_owned(),
        cpus: 2,
        cpu_model: "Example CPU".to_owned(),
        memory_bytes: 8 << 30,
    }
}
