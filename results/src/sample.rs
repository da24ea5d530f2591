//! Records made by hand, for tests.

use std::collections::BTreeMap;

use crate::elasticity::{Demand, Elasticity};
use crate::latencies::Latencies;
use crate::record::{
    Decision, Delivery, Environment, FaultSpan, FaultState, Guarantee, HarnessChecks, Health,
    IndicatorInputs, Indicators, Machine, Program, RECORD_SCHEMA, RunRecord, ScenarioIdentity,
    Span, WorkloadIdentity,
};
use crate::recovery::{Recovery, SignKind};
use crate::series::SeriesRow;
use crate::steadiness::Steadiness;
use crate::verdict::{Verdict, VerdictKind};

/// How long the load of every sample lasts, in seconds.
const LOAD_S: f64 = 20.0;
/// The objective for the response p99 of every sample, in microseconds.
const OBJECTIVE_US: u64 = 25_000;
/// Every sample's load keeps 2 workers busy, at 80 % of their time 2.5.
const DEMAND: Demand = Demand { mean_service_s: 0.004, utilisation: 0.8 };

/// Describes a trial by its few differences from the usual one.
pub(crate) struct Sample {
    pub(crate) strategy: &'static str,
    pub(crate) repetition: u32,
    /// Most responses take this long; 1 in 50 takes four times as long.
    pub(crate) response_us: i64,
    pub(crate) replicas: u32,
    pub(crate) recovery_s: Option<f64>,
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    pub(crate) state: FaultState,
}

impl Sample {
    pub(crate) fn new(strategy: &'static str, repetition: u32) -> Sample {
        Sample {
            strategy,
            repetition,
            response_us: 8_000,
            replicas: 4,
            recovery_s: Some(5.0),
            lost: 0,
            duplicated: 0,
            state: FaultState::Landed,
        }
    }

    pub(crate) fn record(&self) -> RunRecord {
        let mut response = Latencies::new();
        for message in 0..10_000 - self.lost as i64 {
            let slow = if message % 50 == 0 { 4 } else { 1 };
            response.record_us(self.response_us * slow + message % 100);
        }
        let delivery = self.delivery();
        let faults = vec![self.fault()];
        let decisions = vec![Decision {
            t_s: 4.0,
            from: 2,
            to: self.replicas,
            strategy: self.strategy.to_owned(),
            reason: "lag grows".to_owned(),
        }];
        let indicators = Indicators::measure(IndicatorInputs {
            response: &response,
            steady: &response,
            delivery: &delivery,
            faults: &faults,
            decisions: &decisions,
            load_s: LOAD_S,
            worker_seconds: f64::from(self.replicas) * LOAD_S,
            price_per_worker_hour: Some((0.03, "USD")),
            missed_sends: 0,
            objective_us: OBJECTIVE_US,
            elasticity: Elasticity::measure(&self.series(), &DEMAND, 0.0, LOAD_S),
        });
        RunRecord {
            schema: RECORD_SCHEMA.to_owned(),
            run: "2026-01-02T03-04-05Z".to_owned(),
            trial: format!("{}-{}", self.strategy, self.repetition),
            scenario: ScenarioIdentity {
                name: "market-open".to_owned(),
                digest: "sha256:0123".to_owned(),
                yaml: "name: market-open\n".to_owned(),
            },
            strategy: self.strategy.to_owned(),
            repetition: self.repetition,
            seed: 7,
            started_at: "2026-01-02T03:04:05Z".to_owned(),
            program: Program {
                version: "0.1.0".to_owned(),
                git_revision: "abc1234".to_owned(),
                profile: "release".to_owned(),
            },
            machine: machine(),
            environment: environment(),
            workload: WorkloadIdentity {
                fingerprint: "f00d".to_owned(),
                events: "market".to_owned(),
                symbols: 100,
                payload_bytes: 200,
                planned: 10_000,
            },
            phases: phases(),
            faults,
            alarms: Vec::new(),
            series: self.series(),
            phase_response: BTreeMap::from([("steady".to_owned(), response.to_record())]),
            steadiness: Steadiness::measure(&self.series(), 0.0, 8.0, &response),
            response: response.to_record(),
            service: None,
            delivery,
            indicators,
            health: Health {
                spoiled: Vec::new(),
                dispatch_error_p99_us: 400,
                dispatch_error_max_us: 2_100,
                harness_cpu_share: 0.31,
                rss_bytes_max: 300 << 20,
                checks: HarnessChecks { skipped: Some(0), ..HarnessChecks::default() },
                ..Health::default()
            },
            decisions,
            schema_versions: BTreeMap::from([("1".to_owned(), 5_000), ("2".to_owned(), 5_000)]),
            verdict: Verdict { kind: VerdictKind::Pass, reasons: Vec::new() },
            replay: "stormgauge run market-open.yaml --seed 7".to_owned(),
        }
    }

    fn delivery(&self) -> Delivery {
        let examples = (0..self.lost.min(10)).map(|n| format!("key 3, sequence {n}"));
        Delivery {
            planned: 10_000,
            sent: 10_000,
            acknowledged: 10_000,
            failed: 0,
            unknown: 0,
            observed: 10_000 - self.lost,
            lost: self.lost,
            duplicated: self.duplicated,
            reordered: 0,
            unexpected: 0,
            lost_examples: examples.collect(),
            guarantee: Guarantee::AtLeastOnce,
            audit: None,
        }
    }

    fn fault(&self) -> FaultSpan {
        let landed = self.state == FaultState::Landed;
        FaultSpan {
            name: "node-lost".to_owned(),
            kind: "node_crash".to_owned(),
            targets: vec!["node-2".to_owned()],
            due_s: 8.0,
            installed_s: landed.then_some(8.01),
            landed_s: landed.then_some(8.04),
            healed_s: landed.then_some(14.0),
            state: self.state,
            evidence: if landed {
                "2 worker processes were killed".to_owned()
            } else {
                "the environment has no nodes".to_owned()
            },
            recovery: landed.then(|| self.recovery()),
        }
    }

    fn recovery(&self) -> Recovery {
        Recovery {
            total_s: self.recovery_s,
            detect_s: Some(1.2),
            detected_by: Some(SignKind::NodeNotReady),
            restore_s: self.recovery_s,
            drain_s: self.recovery_s.map(|recovery_s| recovery_s - 1.0),
            out_of_objective: 200,
            worst_p99_ms: Some(self.response_us as f64 / 1e3 * 16.0),
            no_progress_share: 0.25,
        }
    }

    fn series(&self) -> Vec<SeriesRow> {
        let row = |second: u32| {
            let disturbed = (8..12).contains(&second);
            let p99_ms = self.response_us as f64 / 1e3 * if disturbed { 16.0 } else { 1.0 };
            SeriesRow {
                t_s: f64::from(second) + 1.0,
                offered: 500.0,
                achieved: 500.0,
                observed: 500.0,
                response_p50_ms: Some(p99_ms / 2.0),
                response_p99_ms: Some(p99_ms),
                response_max_ms: Some(p99_ms * 2.0),
                out_of_objective: if disturbed { 50 } else { 0 },
                demand_replicas: Some(DEMAND.replicas(500.0)),
                lag_records: Some(if disturbed { 900 } else { 3 }),
                replicas: if second < 4 { 2 } else { self.replicas },
                desired_replicas: self.replicas,
                ready_replicas: if disturbed { self.replicas - 1 } else { self.replicas },
                cpu_share: Some(0.5),
                service_p99_ms: None,
            }
        };
        (0..20).map(row).collect()
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

fn environment() -> Environment {
    Environment {
        name: "local".to_owned(),
        emulated: vec!["brokers: an embedded Kafka cluster".to_owned()],
        real: vec!["workers are real processes".to_owned()],
        settings: BTreeMap::from([("brokers".to_owned(), "3".to_owned())]),
    }
}

fn phases() -> Vec<Span> {
    [("warm-up", -5.0, 0.0), ("steady", 0.0, 8.0), ("fault", 8.0, 14.0), ("recovery", 14.0, 20.0)]
        .map(|(name, start_s, end_s)| Span { name: name.to_owned(), start_s, end_s })
        .to_vec()
}

/// Two strategies, two repetitions each: `Swift` is faster and dearer than `Thrifty`.
pub(crate) fn records() -> Vec<RunRecord> {
    let swift = |repetition, response_us| {
        Sample { response_us, replicas: 8, ..Sample::new("Swift", repetition) }.record()
    };
    let thrifty = |repetition, response_us, recovery_s, duplicated| {
        let sample = Sample::new("Thrifty", repetition);
        Sample { response_us, recovery_s, duplicated, ..sample }.record()
    };
    vec![
        thrifty(1, 18_000, Some(9.0), 12),
        swift(1, 8_000),
        swift(2, 8_400),
        thrifty(2, 20_000, Some(11.0), 0),
    ]
}
