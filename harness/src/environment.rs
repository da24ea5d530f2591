//! Environments: where a trial runs.
//!
//! One scenario file runs in every environment; the trait is what a trial asks of one.

mod around;
pub mod docker;
pub mod local;

use crate::scenario::ValidatedScenario;
use chaos::{Injector, TopicRole};
use futures::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;

/// Name of the source topic in every environment.
pub const SOURCE_TOPIC: &str = "market-data";
/// Name of the result topic in every environment.
pub const RESULT_TOPIC: &str = "results";
/// Name of the topic of dead letters, where a scenario has any; it has one partition.
pub const DEAD_LETTER_TOPIC: &str = "dead-letters";
/// What the source topic may take of the brokers' memory, in bytes; the result topic may as much.
pub const SOURCE_BYTES_MAX: u64 = 2 << 30;
/// Consumer group of the job.
pub const GROUP: &str = "job";
/// Client id of the driver.
pub const DRIVER_CLIENT: &str = "driver/0";
/// Client id of the collector.
pub const COLLECTOR_CLIENT: &str = "collector/0";
/// Client id of the audit.
pub const AUDIT_CLIENT: &str = "audit/0";
/// Client id of what faults send beside the load, and read of it.
pub const UPSTREAM_CLIENT: &str = "upstream/0";
/// Client ids of the harness and the operator: every other client is a worker's.
pub const NO_WORKERS: [&str; 5] =
    [DRIVER_CLIENT, COLLECTOR_CLIENT, AUDIT_CLIENT, UPSTREAM_CLIENT, operator::observe::CLIENT_ID];
/// Name of the `StreamingJob`.
pub const JOB: &str = "job";
/// Namespace of the `StreamingJob`.
pub const NAMESPACE: &str = "default";

/// The name of one of the trial's topics.
fn topic_name(role: TopicRole) -> &'static str {
    match role {
        TopicRole::Source => SOURCE_TOPIC,
        TopicRole::Result => RESULT_TOPIC,
    }
}

/// What an environment can do.
#[derive(Debug, Clone, Copy)]
pub struct Capability {
    /// Name of the environment.
    pub environment: &'static str,
    /// The built-in scenario whose faults are as it can do them.
    pub showcase: &'static str,
    /// Why it cannot do a kind of fault; nothing for one that it can do.
    pub refuses: fn(&str) -> Option<&'static str>,
}

impl Capability {
    /// Every environment.
    pub const ALL: [Self; 2] = [Self::LOCAL, Self::DOCKER];
    /// The default environment.
    pub const LOCAL: Self =
        Self { environment: local::NAME, showcase: "chaos", refuses: local::refuses };
    /// Apache Kafka in containers.
    pub const DOCKER: Self =
        Self { environment: docker::NAME, showcase: "containers", refuses: docker::refuses };
}

/// Who leads, follows and consumes: what changes when an environment notices a fault.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// The broker that leads each partition of the trial's topics, where one does.
    pub leaders: BTreeMap<String, String>,
    /// The brokers in sync, by partition.
    pub in_sync: BTreeMap<String, BTreeSet<String>>,
    /// The members of the job's consumer group, each with the node that it runs on.
    pub members: BTreeMap<String, String>,
}

/// A started environment. It holds everything a trial made, and takes it away on shutdown.
pub trait Environment: Send + Sync {
    /// Bootstrap servers for the driver and the collector, with no fault in between.
    fn bootstrap(&self) -> String;

    /// Bootstrap servers for workers and the operator, through the fault proxies.
    fn worker_bootstrap(&self) -> String;

    /// A client of the control plane.
    fn kube(&self) -> kube::Client;

    /// What installs faults here.
    fn injector(&self) -> Arc<dyn Injector>;

    /// Records of the source topic that the job has not committed.
    fn lag_records(&self) -> u64;

    /// Who leads, follows and consumes now.
    fn standing(&self) -> Standing;

    /// Partitions of the source topic.
    fn source_partitions(&self) -> i32;

    /// Partitions of the source topic that a worker owns.
    fn assigned_partitions(&self) -> usize;

    /// Lets go of the records of the source topic that the job has committed.
    fn trim_source(&self);

    /// Lets go of the records of the result topic below `collected` (by partition).
    fn trim_results(&self, collected: &[i64]);

    /// The offset after the last record of each partition of the result topic that can be read.
    fn result_ends(&self) -> Vec<i64>;

    /// How fast clients may be.
    fn pace(&self) -> Pace;

    /// What has broken that no fault asked for, a sentence each; a trial with any is invalid.
    fn defects(&self) -> Vec<String>;

    /// The processes that this has started, for the account of them.
    fn processes(&self) -> Processes;

    /// The state of everything that faults can touch, a line each, in order: the same again once a
    /// fault is over.
    fn footprint(&self) -> BoxFuture<'_, Vec<String>>;

    /// What is real here and what is emulated, for the record.
    fn describe(&self) -> results::Environment;

    /// Stops and removes everything.
    fn shutdown(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// How fast clients may be: time-outs that brokers in this process keep end sessions with brokers
/// that share the processors with everything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// How long the driver waits for company in a batch. Its client asks for each partition by itself
    /// and a broker answers the requests of a connection one by one: with many partitions they must
    /// not come faster than followers take to copy them.
    pub linger: Duration,
    /// The shortest session of a worker with its group.
    pub session_min: Duration,
    /// How much longer than a scenario says a drain may take.
    pub drain_grace: Duration,
}

/// The processes of an environment.
#[derive(Debug)]
pub struct Processes {
    /// The operator's, while it runs.
    pub operator: Option<u32>,
    /// Those of operators that start from now on.
    pub operators: Receiver<u32>,
    /// Those of pods, as they start and end.
    pub pods: Receiver<embedded_kube::ProcessEvent>,
}

/// Where a trial runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Place {
    /// On embedded brokers.
    #[default]
    Local,
    /// On Apache Kafka in containers.
    Docker(docker::DockerSettings),
}

impl Place {
    /// What can be done there.
    pub fn capability(&self) -> Capability {
        match self {
            Self::Local => Capability::LOCAL,
            Self::Docker(_) => Capability::DOCKER,
        }
    }

    /// The flags that lead there, in a command line.
    pub fn flags(&self) -> String {
        match self {
            Self::Local => String::new(),
            Self::Docker(settings) => format!(" --env docker --kafka-image {}", settings.image),
        }
    }

    /// Starts the environment.
    ///
    /// # Errors
    /// When it cannot be got ready. What was started by then has been stopped.
    pub async fn start(
        &self,
        scenario: &ValidatedScenario,
        seed: u64,
        directory: &Path,
    ) -> Result<Box<dyn Environment>, EnvironmentError> {
        Ok(match self {
            Self::Local => Box::new(local::Local::start(scenario, seed, directory).await?),
            Self::Docker(settings) => {
                Box::new(docker::Docker::start(scenario, settings, seed, directory).await?)
            }
        })
    }
}

/// Why an environment could not be started or got ready.
#[derive(Debug, thiserror::Error)]
#[error("environment {environment}: {step}: {reason}")]
pub struct EnvironmentError {
    /// Name of the environment.
    pub environment: &'static str,
    /// What was being done.
    pub step: &'static str,
    /// Why it failed and what to do.
    pub reason: String,
}
