//! The figures that objectives, gates and reports speak of, and the harness's own health.

use serde::{Deserialize, Serialize};

use crate::latencies::Latencies;
use crate::record::{Decision, Delivery, FaultSpan, FaultState};

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
            recovery_s: worst_recovery_s(inputs.faults),
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

/// The longest recovery over the faults that landed; `None` when none landed, or when the system
/// did not recover from one of them.
fn worst_recovery_s(faults: &[FaultSpan]) -> Option<f64> {
    let mut landed = faults.iter().filter(|fault| fault.state == FaultState::Landed).peekable();
    landed.peek()?;
    landed.try_fold(0.0, |worst: f64, fault| Some(worst.max(fault.recovery_s?)))
}
