//! Apache Kafka in containers. Operator, workers and control plane are as in `local`: processes
//! on this machine, on embedded stand-ins for a control plane and nodes.

mod admin;
mod alone;
mod brokers;
mod cluster;
mod defects;
mod engine;
mod footprint;
pub mod groups;
mod injector;
pub mod leftover;
mod owner;
mod proxies;
mod readers;
pub mod ready;
mod start;
mod wanted;
mod wire;

use super::around::{self, Around};
use super::local::brokers::name;
use super::{Environment, EnvironmentError, Pace, Processes, RESULT_TOPIC, SOURCE_TOPIC, Standing};
use crate::scenario::ValidatedScenario;
use brokers::{Names, Ports};
use chaos::Injector;
use chaos::proxy::{FaultProxy, Rules};
use cluster::Cluster;
use defects::Defects;
use embedded_kube::Throttled;
use engine::Engine;
use futures::future::BoxFuture;
use groups::Held;
use injector::{DockerInjector, Hands};
use proxies::Between;
use readers::Readers;
use start::Start;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use alone::Brokers;
pub use injector::refuses;
pub(crate) use injector::{disturbs_peers, reads_requests};
pub use wanted::Wanted;

/// Name of this environment.
pub const NAME: &str = "docker";
/// The image where none is named.
pub const KAFKA_IMAGE: &str = "apache/kafka:4.1.0";

/// The last lines of a broker's log that are kept.
const LOG_LINES: u32 = 100_000;
/// How limits are held where there are control groups.
const LIMITS_HELD: &str = "limits of workers and the capacity of nodes: held by the kernel, in \
                           control groups";
/// How long the driver waits for company in a batch, where brokers have processors to themselves and
/// where they share a few with all else.
const LINGER: Duration = Duration::from_millis(10);
const LINGER_ON_FEW: Duration = Duration::from_millis(100);

/// How fast clients may be here. The grace is time for elections, and for brokers to start again.
pub fn pace() -> Pace {
    Pace {
        linger: if brokers::few_processors() { LINGER_ON_FEW } else { LINGER },
        session_min: Duration::from_secs(3),
        drain_grace: Duration::from_secs(20),
    }
}

/// How containers are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerSettings {
    /// The brokers' image: Apache's own, or one that takes the same variables.
    pub image: String,
}

/// A started environment in containers.
pub struct Docker {
    engine: Engine,
    names: Names,
    cluster: Arc<Cluster>,
    around: Arc<Around>,
    /// Between brokers and their peers, where the scenario disturbs those.
    peers: Vec<FaultProxy>,
    readers: Arc<Readers>,
    /// Where the harness finds the brokers.
    bootstrap: String,
    injector: Arc<DockerInjector>,
    defects: Defects,
    ports: BTreeMap<i32, Ports>,
    settings: BTreeMap<String, String>,
    /// What holds nodes to their capacity and workers to their limits.
    group: Held,
    /// Where the brokers' logs go at the end.
    directory: PathBuf,
}

impl Docker {
    /// Starts brokers in containers, and the rest as `local` does.
    ///
    /// # Errors
    /// When the daemon, the image or memory is missing, or something does not start. What was made
    /// by then has been removed.
    pub async fn start(
        scenario: &ValidatedScenario,
        settings: &DockerSettings,
        seed: u64,
        directory: &Path,
    ) -> Result<Self, EnvironmentError> {
        let start = Start::new(Wanted::by(scenario, &settings.image)).await?;
        let around = Surroundings { start: &start, scenario, seed, directory };
        start.or_remove(around.started()).await
    }

    /// Writes what the brokers printed to the trial's folder.
    async fn keep_logs(&self) {
        for id in self.ports.keys() {
            let lines = self.engine.last_lines(&self.names.container(*id), LOG_LINES).await;
            let path = self.directory.join(format!("{}.log", name(*id)));
            if let Err(error) = std::fs::write(&path, lines) {
                crate::note!("{}: {error}", path.display());
            }
        }
    }
}

/// Brokers that are being started, and what is to be around them.
struct Surroundings<'a> {
    start: &'a Start,
    scenario: &'a ValidatedScenario,
    seed: u64,
    directory: &'a Path,
}

impl Surroundings<'_> {
    async fn started(&self) -> Result<Docker, EnvironmentError> {
        let Start { engine, names, ports, .. } = self.start;
        let ground = self.start.prepare().await?;
        let rules = Rules::new();
        let scenario = (self.scenario, self.seed);
        let between = Between::start(scenario, ports, ground.gateway, &rules).await?;
        let fronts = between.fronts(ports);
        let Between { workers, peers, readers } = between;
        let cluster = self.start.brokers(&fronts).await?;
        let place = (self.scenario, self.seed, self.directory);
        let group = self.start.group(self.scenario.spec.environment.nodes);
        let around = Around::start(NAME, place, (rules, workers), group.clone().ok()).await?;
        let around = Arc::new(around);
        let defects = Defects::watch(engine.clone(), names.clone(), cluster.ids());
        let hands = Hands {
            engine: engine.clone(),
            names: names.clone(),
            cluster: Arc::clone(&cluster),
            down: defects.down(),
            peers_by_proxy: !peers.is_empty(),
            readers: Arc::clone(&readers),
        };
        let injector = DockerInjector { hands, around: Arc::clone(&around) };
        let version = engine.describe().await.map_err(|error| failed("ask Docker", error))?.0;
        let session = humantime::format_duration(self.start.plan().session());
        let pace = pace();
        let settings = [
            ("docker", version),
            ("kafka_image", format!("{} {}", self.start.wanted.image, ground.image)),
            ("broker_java", brokers::java_options().to_owned()),
            ("driver_linger", humantime::format_duration(pace.linger).to_string()),
            ("worker_session_min", humantime::format_duration(pace.session_min).to_string()),
            ("broker_session", session.to_string()),
            ("follower_fetches", brokers::follower_fetches()),
            ("peers", if peers.is_empty() { "directly" } else { "by way of proxies" }.to_owned()),
            (
                "requests",
                if readers.is_empty() { "not read" } else { "read by proxies" }.to_owned(),
            ),
        ];
        Ok(Docker {
            engine: engine.clone(),
            names: names.clone(),
            cluster,
            around,
            peers: peers.into_values().collect(),
            readers,
            bootstrap: brokers::bootstrap(&fronts),
            injector: Arc::new(injector),
            defects,
            group,
            ports: ports.clone(),
            directory: self.directory.to_owned(),
            settings: settings.map(|(key, value)| (key.to_owned(), value)).into(),
        })
    }
}

impl Environment for Docker {
    fn bootstrap(&self) -> String {
        self.bootstrap.clone()
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
        let committed = self.cluster.group().committed;
        let behind = |(place, end): (&admin::Place, &i64)| {
            u64::try_from(end - committed.get(place).copied().unwrap_or(0).max(0)).unwrap_or(0)
        };
        let ends = self.cluster.ends();
        ends.iter().filter(|((topic, _), _)| topic == SOURCE_TOPIC).map(behind).sum()
    }

    fn standing(&self) -> Standing {
        let mut standing = Standing::default();
        for ((topic, index), partition) in self.cluster.partitions() {
            let key = format!("{topic}/{index}");
            let in_sync = partition.in_sync.into_iter().map(name).collect();
            standing.in_sync.insert(key.clone(), in_sync);
            if let Some(leader) = partition.leader {
                standing.leaders.insert(key, name(leader));
            }
        }
        let node_of = |client: &str| client.split('/').next().unwrap_or_default().to_owned();
        let members = self.cluster.group().members;
        standing.members =
            members.into_iter().map(|(id, member)| (id, node_of(&member.client))).collect();
        standing
    }

    fn source_partitions(&self) -> i32 {
        let places = self.cluster.partitions().into_keys();
        places.filter(|(topic, _)| topic == SOURCE_TOPIC).count() as i32
    }

    fn assigned_partitions(&self) -> usize {
        self.cluster.group().assigned()
    }

    fn trim_source(&self) {
        let committed = self.cluster.group().committed;
        self.cluster.trim(committed.into_iter().filter(|((topic, _), _)| topic == SOURCE_TOPIC));
    }

    fn trim_results(&self, collected: &[i64]) {
        let below = (0..).zip(collected);
        let below = below.map(|(index, offset)| ((RESULT_TOPIC.to_owned(), index), *offset));
        self.cluster.trim(below);
    }

    fn result_ends(&self) -> Vec<i64> {
        let ends = self.cluster.ends();
        let places = self.cluster.partitions().into_keys();
        let results = places.filter(|(topic, _)| topic == RESULT_TOPIC);
        results.map(|place| ends.get(&place).copied().unwrap_or(0)).collect()
    }

    fn pace(&self) -> Pace {
        pace()
    }

    fn defects(&self) -> Vec<String> {
        let mut defects = self.defects.seen();
        defects.extend(self.around.defects());
        defects
    }

    fn processes(&self) -> Processes {
        self.around.processes()
    }

    fn footprint(&self) -> BoxFuture<'_, Vec<String>> {
        Box::pin(async {
            let mut lines =
                footprint::footprint((&self.engine, &self.names), &self.cluster, &self.readers)
                    .await;
            lines.extend(self.around.footprint());
            lines
        })
    }

    fn describe(&self) -> results::Environment {
        let real = "brokers: Apache Kafka, each in a container with its own memory limit, each a \
                    controller too";
        let emulated = "disks: the brokers' logs lie in memory, which outlives a broker's crash";
        let mut settings = self.settings.clone();
        let workers = match &self.group {
            Ok(group) => format!("in control groups ({})", group.version()),
            Err(reason) => format!("in no control groups: {reason}"),
        };
        settings.insert("workers".to_owned(), workers);
        let throttled = self.around.kube.throttled();
        if throttled.periods > 0 {
            let Throttled { periods, time } = throttled;
            let waited = format!("{periods} periods of 100 ms, {:.1} s in all", time.as_secs_f64());
            settings.insert("cpu_throttled".to_owned(), waited);
        }
        match &self.group {
            Ok(_) => around::describe(NAME, (&[real, LIMITS_HELD], &[emulated]), settings),
            Err(_) => {
                let emulated = [emulated, around::LIMITS_LOOKED_AT];
                around::describe(NAME, (&[real], &emulated), settings)
            }
        }
    }

    fn shutdown(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.keep_logs().await;
            // The injector shares it; it goes first, so that it can be shut down for good.
            drop(self.injector);
            drop(self.defects);
            if let Some(around) = Arc::into_inner(self.around) {
                around.shutdown().await;
            }
            for proxy in self.peers {
                proxy.shutdown().await;
            }
            start::remove(&self.engine, &self.names).await;
        })
    }
}

fn failed(step: &'static str, reason: impl std::fmt::Display) -> EnvironmentError {
    EnvironmentError { environment: NAME, step, reason: reason.to_string() }
}
