//! The default environment: real processes and real clients on embedded brokers and an embedded
//! control plane, all on loopback.

pub(super) mod brokers;
pub(super) mod injector;
mod leader;
pub(super) mod nodes;
mod operator_endpoint;
pub(super) mod operator_process;

use super::around::{self, Around, Proxies};
use super::{
    DEAD_LETTER_TOPIC, Environment, EnvironmentError, GROUP, Pace, Processes, RESULT_TOPIC,
    SOURCE_BYTES_MAX, SOURCE_TOPIC, Standing,
};
use crate::scenario::{ScenarioSpec, ValidatedScenario};
use crate::upstream;
use chaos::Injector;
use chaos::proxy::Rules;
use embedded_kafka::{ClusterConfig, EmbeddedKafka};
use futures::future::BoxFuture;
use injector::LocalInjector;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Name of this environment.
pub const NAME: &str = "local";

/// Why a kind of fault cannot be done to embedded brokers; nothing for one that can.
pub fn refuses(kind: &str) -> Option<&'static str> {
    match kind {
        "broker_pause" | "broker_memory" | "broker_cpu" => {
            Some("embedded brokers are no processes of their own")
        }
        "partition_reassignment" => Some("embedded brokers do not move their copies"),
        _ => None,
    }
}

/// Listener of the brokers that workers and the operator use, behind the fault proxies.
const PROXIED: &str = "workers";
/// The last requests that brokers remember: what proves that a disk is slow.
const CAPTURED_REQUESTS: usize = 1_000;

/// A started local environment.
pub struct Local {
    kafka: Arc<EmbeddedKafka>,
    around: Arc<Around>,
    injector: Arc<LocalInjector>,
}

impl Local {
    /// Starts brokers, proxies, control plane, nodes and the operator.
    ///
    /// `directory` receives the kubeconfig and the logs of the operator and the workers.
    ///
    /// # Errors
    /// When a socket cannot be bound, a file cannot be written, or the operator does not start.
    pub async fn start(
        scenario: &ValidatedScenario,
        seed: u64,
        directory: &Path,
    ) -> Result<Self, EnvironmentError> {
        let kafka = start_kafka(scenario, seed).await?;
        let rules = Rules::new();
        let proxies = start_proxies(&kafka, &rules).await?;
        let around =
            Around::start(NAME, (scenario, seed, directory), (rules, proxies), None).await?;
        let (kafka, around) = (Arc::new(kafka), Arc::new(around));
        let injector = LocalInjector { kafka: Arc::clone(&kafka), around: Arc::clone(&around) };
        Ok(Self { kafka, around, injector: Arc::new(injector) })
    }

    /// Where `kubectl` finds the control plane.
    pub fn kubeconfig(&self) -> &Path {
        self.around.kubeconfig()
    }
}

impl Environment for Local {
    fn bootstrap(&self) -> String {
        self.kafka.bootstrap_servers()
    }

    fn worker_bootstrap(&self) -> String {
        self.around.bootstrap()
    }

    fn kube(&self) -> kube::Client {
        self.around.kube.client()
    }

    fn injector(&self) -> Arc<dyn Injector> {
        Arc::clone(&self.injector) as Arc<dyn Injector>
    }

    fn lag_records(&self) -> u64 {
        brokers::lag_records(&self.kafka, SOURCE_TOPIC, GROUP)
    }

    fn standing(&self) -> Standing {
        brokers::standing(&self.kafka, GROUP)
    }

    fn source_partitions(&self) -> i32 {
        self.kafka.partitions(SOURCE_TOPIC).map_or(0, |views| views.len() as i32)
    }

    fn assigned_partitions(&self) -> usize {
        self.kafka
            .group(GROUP)
            .map_or(0, |group| group.members.iter().map(|member| member.partitions.len()).sum())
    }

    fn trim_source(&self) {
        brokers::trim_committed(&self.kafka, SOURCE_TOPIC, GROUP);
    }

    fn trim_results(&self, collected: &[i64]) {
        brokers::trim_below(&self.kafka, RESULT_TOPIC, collected);
    }

    fn result_ends(&self) -> Vec<i64> {
        let partitions = self.kafka.partitions(RESULT_TOPIC).unwrap_or_default();
        partitions.iter().map(|partition| partition.high_watermark).collect()
    }

    fn pace(&self) -> Pace {
        let linger = Duration::from_millis(5);
        Pace { linger, session_min: Duration::ZERO, drain_grace: Duration::ZERO }
    }

    fn defects(&self) -> Vec<String> {
        self.around.defects()
    }

    fn processes(&self) -> Processes {
        self.around.processes()
    }

    fn footprint(&self) -> BoxFuture<'_, Vec<String>> {
        let mut lines = self.kafka.out_of_order();
        lines.extend(self.around.footprint());
        Box::pin(std::future::ready(lines))
    }

    fn describe(&self) -> results::Environment {
        let emulated = "brokers: an embedded Kafka cluster in the harness, in memory; followers copy \
                        at once but for faults";
        around::describe(NAME, (&[], &[emulated, around::LIMITS_LOOKED_AT]), BTreeMap::new())
    }

    fn shutdown(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            // The injector shares both; it goes first, so that they can be shut down for good.
            drop(self.injector);
            if let Some(around) = Arc::into_inner(self.around) {
                around.shutdown().await;
            }
            if let Some(kafka) = Arc::into_inner(self.kafka) {
                kafka.shutdown().await;
            }
        })
    }
}

/// Records kept at most in a partition, in bytes: the bound of the brokers' memory. Trimming lets
/// go of what has been read long before, unless workers fall behind by this much. A source log that
/// is read at the end is small enough as a whole, however its keys are spread.
fn retention_bytes(spec: &ScenarioSpec) -> u64 {
    let partitions = if spec.delivery.audit { 1 } else { spec.environment.partitions };
    SOURCE_BYTES_MAX / u64::from(partitions.max(1).unsigned_abs())
}

/// Replicas of a partition that must have a record before it is acknowledged to `acks=all`.
fn min_in_sync(brokers: usize) -> usize {
    brokers.min(2)
}

/// Kafka holds a silent broker to be gone after 9 s, and a follower to be out of sync after 30 s:
/// the ratio stays the same.
fn lag_time_max(broker_detection: Duration) -> Duration {
    (broker_detection * 10 / 3).max(Duration::from_secs(1))
}

async fn start_kafka(
    scenario: &ValidatedScenario,
    seed: u64,
) -> Result<EmbeddedKafka, EnvironmentError> {
    let environment = &scenario.spec.environment;
    let config = ClusterConfig {
        brokers: environment.brokers,
        replication_factor: environment.brokers.min(3),
        min_insync_replicas: min_in_sync(environment.brokers),
        detection: environment.broker_detection,
        replica_lag_time_max: lag_time_max(environment.broker_detection),
        retention_bytes: retention_bytes(&scenario.spec),
        group_initial_rebalance_delay: Duration::from_millis(200),
        session_timeout_min: Duration::from_millis(500),
        capture: CAPTURED_REQUESTS,
        seed,
        ..ClusterConfig::default()
    };
    let kafka =
        EmbeddedKafka::start_with(config).await.map_err(|error| failed("start brokers", error))?;
    for topic in [SOURCE_TOPIC, RESULT_TOPIC] {
        kafka
            .create_topic(topic, environment.partitions)
            .map_err(|error| failed("create topics", error))?;
    }
    if upstream::has_dead_letters(&scenario.spec) {
        kafka.create_topic(DEAD_LETTER_TOPIC, 1).map_err(|error| failed("create topics", error))?;
    }
    Ok(kafka)
}

/// One proxy a broker; the brokers advertise the proxies on the listener for workers.
async fn start_proxies(kafka: &EmbeddedKafka, rules: &Rules) -> Result<Proxies, EnvironmentError> {
    let upstreams =
        kafka.add_listener(PROXIED).await.map_err(|error| failed("open listeners", error))?;
    let mut proxies = Proxies::new();
    for (id, upstream) in (1..).zip(upstreams) {
        let ends = (IpAddr::V4(Ipv4Addr::LOCALHOST), upstream);
        let proxy = around::start_proxy(NAME, ends, &brokers::name(id), rules).await?;
        kafka
            .advertise(PROXIED, id, proxy.address())
            .map_err(|error| failed("advertise the fault proxies", error))?;
        proxies.insert(brokers::name(id), proxy);
    }
    Ok(proxies)
}

fn failed(step: &'static str, reason: impl std::fmt::Display) -> EnvironmentError {
    EnvironmentError { environment: NAME, step, reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{builtin, validated::Overrides};

    #[test]
    fn one_partition_may_hold_a_whole_source_log_that_is_read_at_the_end() {
        let text = builtin::scenario("durability-acks-all").unwrap();
        let parsed = ValidatedScenario::parse("it", text, &Overrides::default());
        let mut spec = parsed.unwrap().spec;
        assert_eq!(retention_bytes(&spec), SOURCE_BYTES_MAX);
        spec.delivery.audit = false;
        assert_eq!(retention_bytes(&spec), SOURCE_BYTES_MAX / 6);
    }
}
