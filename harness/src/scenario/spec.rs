//! What a scenario file may say.

use super::capacity::CapacitySpec;
use super::delivery::{DeliverySpec, ExpectedSpec};
use super::planted::{HarnessBug, Planted};
use chaos::{BlastRadius, FaultSpec};
use results::Objectives;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;
use workloads::WorkloadSpec;

/// One scenario: environment needs, workload, job, fault schedule, strategies and objectives.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScenarioSpec {
    /// Name, used for folders and reports: lower-case letters, digits and dashes.
    pub name: String,
    /// One or two sentences for people.
    #[serde(default)]
    pub description: String,
    /// What the environment must offer.
    #[serde(default)]
    pub environment: EnvironmentSpec,
    /// What flows, and how much of it when.
    pub workload: WorkloadSpec,
    /// How long load is offered.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub duration: Duration,
    /// The first part of the load, which is left out of the indicators.
    #[serde(default = "default_warm_up", with = "humantime_serde")]
    #[schemars(with = "String")]
    pub warm_up: Duration,
    /// How long results may take to arrive after the last message was sent.
    #[serde(default = "default_drain", with = "humantime_serde")]
    #[schemars(with = "String")]
    pub drain: Duration,
    /// The streaming job under test.
    pub job: JobSpec,
    /// The strategies to compare.
    #[serde(default = "StrategyName::all")]
    pub strategies: Vec<StrategyName>,
    /// How often each strategy is tried.
    #[serde(default = "one")]
    pub repetitions: u32,
    /// What breaks, and when.
    #[serde(default)]
    pub faults: Vec<FaultSpec>,
    /// How far faults may reach.
    #[serde(default, skip_serializing_if = "BlastRadius::is_default")]
    pub blast_radius: BlastRadius,
    /// What the job promises about delivery, and how the load is produced.
    #[serde(default)]
    pub delivery: DeliverySpec,
    /// Bounds on measured indicators; a trial that exceeds one fails.
    #[serde(default)]
    pub objectives: Objectives,
    /// What a worker costs.
    #[serde(default)]
    pub price: PriceSpec,
    /// Makes the run a search for capacities instead of a comparison.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<CapacitySpec>,
    /// A bug planted in the reference worker, a value of `WORKER_PLANTED_BUG`, or in the harness,
    /// to prove that the checkers find it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planted: Option<String>,
    /// What the checkers must find. A run of scenarios that say so passes if all of it is found
    /// and nothing else, whatever their verdicts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<ExpectedSpec>,
}

impl ScenarioSpec {
    /// The planted bug, if the scenario names one that there is.
    pub fn planted(&self) -> Option<Planted> {
        self.planted.as_ref()?.parse().ok()
    }

    /// The bug planted in the harness, if any.
    pub fn harness_bug(&self) -> Option<HarnessBug> {
        match self.planted()? {
            Planted::Harness(bug) => Some(bug),
            Planted::Worker(_) => None,
        }
    }
}

/// The label of a node by which Kubernetes knows its zone.
const ZONE_LABEL: &str = "topology.kubernetes.io/zone";

/// What the environment must offer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EnvironmentSpec {
    /// Worker nodes, named `node-1` and so on.
    pub nodes: usize,
    /// Brokers, named `broker-1` and so on.
    pub brokers: usize,
    /// Zones, `a`, `b` and so on, over which nodes and brokers are spread in turn; up to 26, and
    /// not more than nodes.
    pub zones: usize,
    /// Partitions of the source and of the result topic.
    pub partitions: i32,
    /// Time from a broker's crash to the election of new leaders.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub broker_detection: Duration,
    /// Age of a node's lease at which the node is held to be gone.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub node_grace: Duration,
    /// Time from a node's loss to the replacement of its pods.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub eviction_delay: Duration,
    /// Processors of a node, in thousandths; 64 where absent. Held where the environment has control
    /// groups for nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 1_000_000))]
    pub node_cpu_millis: Option<u32>,
    /// Memory of a node, in MiB; 64 GiB where absent. Held as the processors are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 64, max = 16_777_216))]
    pub node_memory_mib: Option<u32>,
}

impl Default for EnvironmentSpec {
    fn default() -> Self {
        Self {
            nodes: 4,
            brokers: 3,
            zones: 1,
            partitions: 24,
            broker_detection: Duration::from_secs(1),
            node_grace: Duration::from_secs(2),
            eviction_delay: Duration::from_secs(1),
            node_cpu_millis: None,
            node_memory_mib: None,
        }
    }
}

impl EnvironmentSpec {
    /// The zone of the node or the broker at this place, from 0.
    pub fn zone(&self, place: usize) -> String {
        let zones = ('a'..='z').take(self.zones.max(1));
        zones.cycle().nth(place).map(String::from).unwrap_or_default()
    }

    /// The labels of the node at this place, from 0.
    pub fn node_labels(&self, place: usize) -> BTreeMap<String, String> {
        BTreeMap::from([(ZONE_LABEL.to_owned(), self.zone(place))])
    }
}

/// The streaming job under test.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobSpec {
    /// The worker program and how it behaves.
    #[serde(default)]
    pub worker: WorkerSpec,
    /// Bounds and damping of the allocation.
    #[serde(default)]
    pub scaling: ScalingSpec,
    /// What the strategies aim for.
    #[serde(default)]
    pub objectives: JobObjectives,
}

/// The worker program.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WorkerSpec {
    /// Command of a worker of your own; the reference worker where absent.
    pub command: Option<Vec<String>>,
    /// Further environment variables.
    pub env: BTreeMap<String, String>,
    /// Service time of the reference worker: `constant 200us`, `exponential 1ms`, `lognormal 1ms 0.5`.
    pub service_time: String,
    /// Time from a pod's scheduling to its process: image pull and boot.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub start_delay: Duration,
    /// Consumer group session timeout.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub session_timeout: Duration,
    /// Time a worker has to drain after SIGTERM.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub termination_grace: Duration,
    /// Most that a worker may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<LimitsSpec>,
}

/// Most that a worker may take; nothing where it may take what its node has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSpec {
    /// Thousandths of a processor: it stands still for the rest of a period of 100 ms whose share
    /// it has used up. Held where the environment has control groups for workers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 10, max = 1_000_000))]
    pub cpu_millis: Option<u32>,
    /// Memory, in MiB: it is killed when it takes more (reason OOMKilled).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 16, max = 1_048_576))]
    pub memory_mib: Option<u32>,
}

impl Default for WorkerSpec {
    fn default() -> Self {
        Self {
            command: None,
            env: BTreeMap::new(),
            service_time: "exponential 1ms".to_owned(),
            start_delay: Duration::from_millis(300),
            session_timeout: Duration::from_secs(3),
            termination_grace: Duration::from_secs(5),
            limits: None,
        }
    }
}

/// Bounds and damping of the allocation.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScalingSpec {
    /// Fewest workers.
    pub min_replicas: u32,
    /// Most workers.
    pub max_replicas: u32,
    /// Time between two decisions.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub sync_period: Duration,
    /// How long the highest recommendation is remembered before scaling down.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub stabilization_window: Duration,
    /// Least time between two actions.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub cooldown: Duration,
    /// Relative change below which nothing is done.
    pub tolerance: f64,
}

impl Default for ScalingSpec {
    fn default() -> Self {
        Self {
            min_replicas: 1,
            max_replicas: 24,
            sync_period: Duration::from_secs(1),
            stabilization_window: Duration::from_secs(10),
            cooldown: Duration::from_secs(2),
            tolerance: 0.1,
        }
    }
}

/// What the strategies aim for.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct JobObjectives {
    /// Response time that 99 % of messages should stay below.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub p99_latency: Duration,
    /// Longest time a message should wait in the source topic.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub lag_time: Duration,
    /// Time within which a backlog should be drained.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub recovery: Duration,
}

impl Default for JobObjectives {
    fn default() -> Self {
        Self {
            p99_latency: Duration::from_millis(500),
            lag_time: Duration::from_secs(2),
            recovery: Duration::from_secs(10),
        }
    }
}

/// The strategies of the operator.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum StrategyName {
    /// Provision for the measured peak, drain fastest.
    HighThroughput,
    /// Keep utilisation where queueing holds the p99 objective.
    LowLatency,
    /// Meet the objective at the least worker-seconds.
    CostOptimized,
}

impl StrategyName {
    /// Every strategy, in the order of reports.
    pub fn all() -> Vec<Self> {
        vec![Self::HighThroughput, Self::LowLatency, Self::CostOptimized]
    }

    /// The name in scenario files, flags and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HighThroughput => "high_throughput",
            Self::LowLatency => "low_latency",
            Self::CostOptimized => "cost_optimized",
        }
    }
}

impl std::str::FromStr for StrategyName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::all().into_iter().find(|name| name.as_str() == text).ok_or_else(|| {
            let allowed: Vec<_> = Self::all().iter().map(|name| name.as_str()).collect();
            format!("no strategy `{text}`; allowed: {}", allowed.join(", "))
        })
    }
}

/// What a worker costs.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PriceSpec {
    /// Currency of the price, three letters.
    pub currency: String,
    /// Price of one worker for one hour.
    pub worker_hour: f64,
}

impl Default for PriceSpec {
    fn default() -> Self {
        Self { currency: "USD".to_owned(), worker_hour: 0.05 }
    }
}

fn default_warm_up() -> Duration {
    Duration::from_secs(3)
}

fn default_drain() -> Duration {
    Duration::from_secs(20)
}

fn one() -> u32 {
    1
}
