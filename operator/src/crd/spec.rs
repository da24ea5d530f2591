//! What a user asks for.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::core::v1::ResourceRequirements;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DurationText, StreamingJobStatus};
use crate::allocation::Strategy;

/// A streaming job: where records come from, the workers that process them, and the strategy
/// that decides how many workers run.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "streaming.stormgauge.dev",
    version = "v1alpha1",
    kind = "StreamingJob",
    namespaced,
    status = "StreamingJobStatus",
    derive = "PartialEq",
    shortname = "sj",
    category = "all",
    category = "streaming",
    doc = "A streaming job whose workers are allocated by a strategy.",
    scale(
        spec_replicas_path = ".spec.scaling.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn = r#"{"name":"Strategy","type":"string","jsonPath":".status.activeStrategy"}"#,
    printcolumn = r#"{"name":"Replicas","type":"integer","jsonPath":".status.replicas"}"#,
    printcolumn = r#"{"name":"Desired","type":"integer","jsonPath":".status.desiredReplicas"}"#,
    printcolumn = r#"{"name":"Ready","type":"integer","jsonPath":".status.readyReplicas"}"#,
    printcolumn = r#"{"name":"Lag","type":"integer","jsonPath":".status.lagRecords"}"#,
    printcolumn = r#"{"name":"Healthy","type":"string",
        "jsonPath":".status.conditions[?(@.type=='Ready')].status"}"#,
    printcolumn = r#"{"name":"Age","type":"date","jsonPath":".metadata.creationTimestamp"}"#
)]
#[serde(rename_all = "camelCase")]
pub struct StreamingJobSpec {
    /// Where records come from.
    pub source: SourceSpec,
    /// Where results go, if anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sink: Option<SinkSpec>,
    /// The process that does the work.
    pub worker: WorkerSpec,
    /// How the number of workers is decided.
    pub strategy: StrategySpec,
    /// Bounds and behaviour of scaling.
    pub scaling: ScalingSpec,
    /// What the job promises.
    #[serde(default)]
    pub objectives: ObjectivesSpec,
}

/// Where records come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SourceSpec {
    /// A topic of a Kafka cluster.
    pub kafka: KafkaSource,
}

/// A topic read by a consumer group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct KafkaSource {
    /// Addresses of brokers, `host:port`, separated by commas.
    #[schemars(length(min = 1, max = 4096))]
    pub bootstrap_servers: String,
    /// The topic.
    #[schemars(length(min = 1, max = 249))]
    pub topic: String,
    /// The consumer group.
    #[schemars(length(min = 1, max = 255))]
    pub group: String,
}

/// Where results go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SinkSpec {
    /// A topic of the source's Kafka cluster.
    pub kafka: KafkaSink,
}

/// A topic written to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KafkaSink {
    /// The topic.
    #[schemars(length(min = 1, max = 249))]
    pub topic: String,
}

/// The process that does the work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerSpec {
    /// Container image. Without one `command` must be given, for nodes that run host processes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Command and arguments; the image's own when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// Environment variables besides those that the operator sets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub env: Vec<EnvironmentVariable>,
    /// Annotations of the worker pods.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Requests and limits of the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// Port on which a worker serves its Prometheus metrics.
    #[serde(default = "metrics_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub metrics_port: i32,
    /// Path on the metrics port that answers 200 once the worker is ready; none without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readiness_path: Option<String>,
    /// Time that a worker gets to finish, commit and leave its group.
    #[serde(default = "termination_grace")]
    pub termination_grace: DurationText,
}

/// A literal environment variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnvironmentVariable {
    /// Name.
    #[schemars(length(min = 1, max = 256))]
    pub name: String,
    /// Value; `$(NAME)` is expanded as in a pod.
    #[serde(default)]
    pub value: String,
}

/// How the number of workers is decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StrategySpec {
    /// The strategy.
    pub name: Strategy,
}

/// Bounds and behaviour of scaling.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "self.minReplicas <= self.maxReplicas",
    "message": "minReplicas must not be above maxReplicas"
}]))]
pub struct ScalingSpec {
    /// A fixed number that overrides the strategy, within the bounds. `/scale` sets it; remove
    /// it to let the strategy decide again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: Option<i32>,
    /// Fewest workers. Zero lets Cost Optimized rest when nothing arrives.
    #[serde(default = "min_replicas")]
    #[schemars(range(min = 0, max = 1000))]
    pub min_replicas: i32,
    /// Most workers.
    #[schemars(range(min = 1, max = 1000))]
    pub max_replicas: i32,
    /// Time between two decisions.
    #[serde(default = "sync_period")]
    pub sync_period: DurationText,
    /// Anti-flapping memory: fewer workers only if nothing in it asked for more.
    #[serde(default = "stabilization_window")]
    pub stabilization_window: DurationText,
    /// Least time between two actions.
    #[serde(default = "cooldown")]
    pub cooldown: DurationText,
    /// Dead band as a share of the present number of workers.
    #[serde(default = "tolerance")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub tolerance: f64,
    /// How fast workers may be added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up: Option<PaceSpec>,
    /// How fast workers may be removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down: Option<PaceSpec>,
}

impl ScalingSpec {
    /// Bounds with the default behaviour.
    #[must_use]
    pub fn between(min_replicas: i32, max_replicas: i32) -> Self {
        Self {
            replicas: None,
            min_replicas,
            max_replicas,
            sync_period: sync_period(),
            stabilization_window: stabilization_window(),
            cooldown: cooldown(),
            tolerance: tolerance(),
            up: None,
            down: None,
        }
    }
}

impl WorkerSpec {
    /// A host process with the defaults.
    #[must_use]
    pub fn command(command: Vec<String>) -> Self {
        Self {
            image: None,
            command,
            env: Vec::new(),
            annotations: BTreeMap::new(),
            resources: None,
            metrics_port: metrics_port(),
            readiness_path: None,
            termination_grace: termination_grace(),
        }
    }
}

/// At most the larger of `replicas` and `percent` in a `period`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaceSpec {
    /// Workers in a period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1000))]
    pub replicas: Option<i32>,
    /// Per cent, of the workers at the period's start, in a period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub percent: Option<i32>,
    /// The period.
    pub period: DurationText,
}

/// What the job promises; a missing objective leaves the strategy its default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectivesSpec {
    /// Bound on the 99th percentile of response time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_latency: Option<DurationText>,
    /// Bound on the age of the oldest record not yet processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lag_time: Option<DurationText>,
    /// Bound on the time from a disturbance to normal service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery: Option<DurationText>,
}

fn metrics_port() -> i32 {
    9464
}

fn min_replicas() -> i32 {
    1
}

fn tolerance() -> f64 {
    0.1
}

fn termination_grace() -> DurationText {
    Duration::from_secs(10).into()
}

fn sync_period() -> DurationText {
    Duration::from_secs(15).into()
}

fn stabilization_window() -> DurationText {
    Duration::from_mins(5).into()
}

fn cooldown() -> DurationText {
    Duration::from_secs(30).into()
}
