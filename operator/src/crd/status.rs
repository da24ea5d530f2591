//! What the operator reports.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::allocation::Strategy;

/// What the operator reports.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StreamingJobStatus {
    /// Generation of the spec that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Progressing` and `Degraded`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend(
        "x-kubernetes-list-type" = "map",
        "x-kubernetes-list-map-keys" = ["type"]
    ))]
    pub conditions: Vec<Condition>,
    /// The strategy in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_strategy: Option<Strategy>,
    /// Workers that exist.
    #[serde(default)]
    pub replicas: i32,
    /// Workers decided on.
    #[serde(default)]
    pub desired_replicas: i32,
    /// Workers that are ready.
    #[serde(default)]
    pub ready_replicas: i32,
    /// Records not yet committed, to two significant digits so that it does not change with
    /// every look. Absent while it cannot be observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag_records: Option<i64>,
    /// Label selector of the worker pods, for `/scale`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// The last decisions that changed something, oldest first, at most ten.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub decisions: Vec<DecisionRecord>,
}

impl StreamingJobStatus {
    /// Decisions kept.
    pub const DECISIONS_MAX: usize = 10;
}

/// A decision that changed the number of workers or the strategy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DecisionRecord {
    /// When.
    pub time: Time,
    /// Workers before.
    pub from: i32,
    /// Workers after.
    pub to: i32,
    /// The rule, its numbers, and every limit that changed the outcome.
    pub reason: String,
    /// The strategy that decided.
    pub strategy: Strategy,
    /// What it saw.
    pub observation: ObservationSummary,
}

/// What a decision was made from, in short.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservationSummary {
    /// Records not yet committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag_records: Option<i64>,
    /// Age in milliseconds of the oldest record not yet committed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag_time_ms: Option<i64>,
    /// Records arriving in a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrival_rate_per_s: Option<f64>,
    /// Records processed in a second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processed_rate_per_s: Option<f64>,
    /// Share of time that the workers were busy, in per cent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busy_percent: Option<i32>,
    /// Busy time in microseconds for one record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_time_us: Option<i64>,
    /// 99th percentile in milliseconds of response time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_latency_ms: Option<i64>,
    /// Workers that were ready.
    #[serde(default)]
    pub ready_replicas: i32,
    /// What could not be observed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}
