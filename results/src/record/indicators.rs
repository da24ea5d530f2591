//! The figures that objectives, gates and reports speak of, and the harness's own health.

use serde::{Deserialize, Serialize};

use crate::elasticity::Elasticity;
use crate::latencies::Latencies;
use crate::record::{Decision, Delivery, FaultSpan, HarnessChecks};
use crate::recovery::Worst;

/// The figures of one trial. A figure that was not measured is absent, never zero.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Indicators {
    /// Median response time, in milliseconds.
    pub p50_ms: Option<f64>,
    /// 99th percentile of the response time, in milliseconds.
    pub p99_ms: Option<f64>,
    /// 99.9th percentile of the response time, in milliseconds.
    pub p999_ms: Option<f64>,
    /// The longest response time, in milliseconds.
    pub max_ms: Option<f64>,
    /// 99th percentile of the response time in the steady phase, in milliseconds.
    pub steady_p99_ms: Option<f64>,
    /// Distinct results observed per second of load.
    pub throughput_per_s: f64,
    /// As in [`Delivery`].
    pub lost: u64,
    /// As in [`Delivery`].
    pub duplicated: u64,
    /// As in [`Delivery`].
    pub reordered: u64,
    /// As in [`Delivery`].
    pub unexpected: u64,
    /// The longest recovery of all landed faults, in seconds. Absent when no fault landed, or
    /// when the system did not recover from one of them.
    pub recovery_s: Option<f64>,
    /// The longest detection of all landed faults, in seconds; a fault that was neither felt nor
    /// noticed counts as 0. Absent when no fault landed, or when one was felt and no sign shows
    /// that the system noticed it.
    pub worst_detect_s: Option<f64>,
    /// The longest [`restore_s`](crate::recovery::Recovery::restore_s) of all landed faults, in
    /// seconds. Absent when no fault landed, or the objective was not restored after one of them.
    pub worst_restore_s: Option<f64>,
    /// The longest [`drain_s`](crate::recovery::Recovery::drain_s) of all landed faults, in
    /// seconds. Absent when no fault landed, or the backlog of one of them was not drained.
    pub worst_drain_s: Option<f64>,
    /// Results whose response time exceeded the job's objective for the response p99.
    pub out_of_objective: u64,
    /// The largest [`no_progress_share`](crate::recovery::Recovery::no_progress_share) of all
    /// landed faults, 0 to 1. Absent when none landed.
    pub no_progress_share: Option<f64>,
    /// Supply against demand. Absent when the mean service time is not known.
    pub elasticity: Option<Elasticity>,
    /// Time that workers were paid for, summed over workers, in seconds.
    pub worker_seconds: f64,
    /// What the workers cost per hour of load, in `currency`. Absent without a price.
    pub cost: Option<f64>,
    /// The currency of `cost`, such as `USD`; empty without a price.
    pub currency: String,
    /// Changes of the replica count.
    pub scale_actions: u64,
    /// Messages that the load generator should have sent and did not.
    pub missed_sends: u64,
}

/// How well the harness itself kept up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    /// 99th percentile of (handed to the client − intended), in microseconds.
    pub dispatch_error_p99_us: u64,
    /// The largest of them, in microseconds.
    pub dispatch_error_max_us: u64,
    /// Processor time of the harness over what the machine had, 0 to 1.
    pub harness_cpu_share: f64,
    /// Messages that the load generator should have sent and did not.
    pub missed_sends: u64,
    /// The harness's largest resident memory, in bytes.
    pub rss_bytes_max: u64,
    /// Response times below zero, which were counted and recorded as 0.
    pub negative_latencies: u64,
    /// Response times over an hour, which were counted and recorded as one hour.
    pub overflow_latencies: u64,
    /// What the checkers of the harness's own measuring found.
    pub checks: HarnessChecks,
    /// What spoiled the trial, such as an interruption or the death of a part of the environment
    /// that no fault asked for; a sentence each.
    pub spoiled: Vec<String>,
}

/// What [`Indicators::measure`] is computed from.
#[derive(Clone, Copy, Debug)]
pub struct IndicatorInputs<'a> {
    /// Response times of the whole trial.
    pub response: &'a Latencies,
    /// Response times of the steady phase.
    pub steady: &'a Latencies,
    /// What became of every message.
    pub delivery: &'a Delivery,
    /// The faults, with their recovery.
    pub faults: &'a [FaultSpan],
    /// The job's objective for the response p99, in microseconds.
    pub objective_us: u64,
    /// Supply against demand, where the mean service time is known.
    pub elasticity: Option<Elasticity>,
    /// The decisions taken.
    pub decisions: &'a [Decision],
    /// How long the load lasted, in seconds.
    pub load_s: f64,
    /// Time that workers were paid for, summed over workers, in seconds.
    pub worker_seconds: f64,
    /// Price of one worker for one hour, with its currency.
    pub price_per_worker_hour: Option<(f64, &'a str)>,
    /// Messages that the load generator should have sent and did not.
    pub missed_sends: u64,
}

impl Indicators {
    /// Computes the figures of a trial from what was observed.
    pub fn measure(inputs: IndicatorInputs<'_>) -> Indicators {
        let load_s = inputs.load_s.max(f64::MIN_POSITIVE);
        let has_load = inputs.load_s > 0.0;
        let delivery = inputs.delivery;
        let worst = Worst::of(inputs.faults.iter().filter_map(|fault| fault.recovery.as_ref()));
        Indicators {
            p50_ms: inputs.response.quantile_ms(0.5),
            p99_ms: inputs.response.quantile_ms(0.99),
            p999_ms: inputs.response.quantile_ms(0.999),
            max_ms: inputs.response.max_us().map(|us| us as f64 / 1e3),
            steady_p99_ms: inputs.steady.quantile_ms(0.99),
            throughput_per_s: if has_load { delivery.observed as f64 / load_s } else { 0.0 },
            lost: delivery.lost,
            duplicated: delivery.duplicated,
            reordered: delivery.reordered,
            unexpected: delivery.unexpected,
            recovery_s: worst.total_s,
            worst_detect_s: worst.detect_s,
            worst_restore_s: worst.restore_s,
            worst_drain_s: worst.drain_s,
            out_of_objective: inputs.response.count_above_us(inputs.objective_us),
            no_progress_share: worst.no_progress_share,
            elasticity: inputs.elasticity,
            worker_seconds: inputs.worker_seconds,
            cost: inputs
                .price_per_worker_hour
                .filter(|_| has_load)
                .map(|(price, _)| price * inputs.worker_seconds / load_s),
            currency: inputs.price_per_worker_hour.map_or("", |(_, currency)| currency).to_owned(),
            scale_actions: inputs.decisions.iter().filter(|d| d.from != d.to).count() as u64,
            missed_sends: inputs.missed_sends,
        }
    }
}
