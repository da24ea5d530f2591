//! What every environment on this machine has around its brokers, whatever those are: control
//! plane, nodes, the operator, and the fault proxies.

mod footprint;

use super::local::injector::{api, operator, storm, trouble, workers};
use super::local::nodes;
use super::local::operator_process::Operator;
use super::{EnvironmentError, Processes};
use crate::scenario::ValidatedScenario;
use chaos::fault::NetworkBridge;
use chaos::proxy::{self, Clients, Direction, Effect, FaultProxy, Front, Rule, Rules};
use chaos::selector::{API_SERVER, OPERATOR};
use chaos::{Action, Fault, Installed, Refusal};
use embedded_kube::{ControlGroup, ControlPlaneConfig, EmbeddedKube, NodeSpec};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// The proxies in front of brokers, by the names that rules know them by.
pub(super) type Proxies = BTreeMap<String, FaultProxy>;

/// How limits of workers are held where there are no control groups.
pub(super) const LIMITS_LOOKED_AT: &str = "limits of workers: memory is looked at every 20 ms; CPU \
                                           limits and the capacity of nodes are not held";
/// What a node has where the scenario does not say: more than workers ask for.
const NODE_CPU_MILLIS: u32 = 64_000;
const NODE_MEMORY_BYTES: u64 = 64 << 30;

/// Everything around the brokers.
pub(super) struct Around {
    pub(super) kube: Arc<EmbeddedKube>,
    operator: Arc<Operator>,
    pub(super) rules: Rules,
    proxies: Proxies,
    /// Between the operator and the API server.
    api_proxy: FaultProxy,
    kubeconfig: PathBuf,
}

impl Around {
    /// Starts control plane, nodes and the operator for the environment of this name, behind these
    /// proxies.
    ///
    /// Nodes and workers get control groups below `group`, if there is one. `directory` receives the
    /// kubeconfig and the logs of the operator and the workers.
    pub(super) async fn start(
        environment: &'static str,
        (scenario, seed, directory): (&ValidatedScenario, u64, &Path),
        (rules, proxies): (Rules, Proxies),
        group: Option<Arc<ControlGroup>>,
    ) -> Result<Self, EnvironmentError> {
        let failed = |step, reason: String| EnvironmentError { environment, step, reason };
        let config = control_plane(scenario, seed, directory)
            .map_err(|error| failed("find this program", error.to_string()))?;
        let config = ControlPlaneConfig { control_group: group, ..config };
        let kube = EmbeddedKube::start(config)
            .await
            .map_err(|error| failed("start the control plane", error.to_string()))?;
        let front = Front {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            upstream: kube.address(),
            server: API_SERVER.to_owned(),
            clients: Clients::Group(OPERATOR.to_owned()),
        };
        let api_proxy = FaultProxy::start(front, rules.clone())
            .await
            .map_err(|error| failed("start the fault proxies", error.to_string()))?;
        let write = |name, text| -> Result<PathBuf, EnvironmentError> {
            let path = directory.join(name);
            let written = std::fs::write(&path, text);
            written.map_err(|error| failed("write a kubeconfig", error.to_string()))?;
            Ok(path)
        };
        let kubeconfig = write("kubeconfig.yaml", kube.kubeconfig())?;
        let proxied =
            write("operator.kubeconfig.yaml", kube.kubeconfig_through(api_proxy.address()))?;
        kube::Api::all(kube.client())
            .create(&kube::api::PostParams::default(), &::operator::crd::crd())
            .await
            .map_err(|error| failed("install the StreamingJob definition", error.to_string()))?;
        let operator = Operator::start(&proxied, directory)
            .map_err(|error| failed("start the operator", error.to_string()))?;
        let (kube, operator) = (Arc::new(kube), Arc::new(operator));
        Ok(Self { kube, operator, rules, proxies, api_proxy, kubeconfig })
    }

    /// Where `kubectl` finds the control plane.
    pub(super) fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The addresses of the proxies in front of brokers.
    pub(super) fn bootstrap(&self) -> String {
        let addresses = self.proxies.values().map(|proxy| proxy.address().to_string());
        addresses.collect::<Vec<_>>().join(",")
    }

    /// What has broken here that no fault asked for.
    pub(super) fn defects(&self) -> Vec<String> {
        let ended = self.operator.has_failed();
        ended
            .then(|| "The operator ended by itself; see operator.log.".to_owned())
            .into_iter()
            .collect()
    }

    /// The state of everything here that faults can touch.
    pub(super) fn footprint(&self) -> Vec<String> {
        footprint::footprint(self)
    }

    pub(super) fn processes(&self) -> Processes {
        Processes {
            operator: self.operator.pid(),
            operators: self.operator.starts(),
            pods: self.kube.process_events(),
        }
    }

    /// Installs what hits nodes, the operator, the API server or the network, whatever the brokers
    /// are.
    pub(super) async fn install(
        &self,
        action: &Action,
        limit: Duration,
    ) -> Result<Box<dyn Installed>, Refusal> {
        let (nodes, brokers) = (&action.targets.nodes, &action.targets.brokers);
        match &action.fault {
            Fault::NodeCrash(_) => nodes::crash(&self.kube, nodes).await,
            Fault::NodePause(_) => nodes::pause(&self.kube, nodes).await,
            Fault::NodeSlow(_)
            | Fault::NodeReboot(_)
            | Fault::NodeDrain(_)
            | Fault::SpotInterruption(_)
            | Fault::KubeletSilent(_)
            | Fault::MemoryPressure(_)
            | Fault::DiskPressure(_)
            | Fault::OomKill(_)
            | Fault::ImageFailure(_)
            | Fault::SlowStart(_)
            | Fault::ClockSkew(_)
            | Fault::ClockJump(_) => trouble::install(&self.kube, action, limit).await,
            Fault::PodKill(_)
            | Fault::PodTerminate(_)
            | Fault::CrashLoop(_)
            | Fault::WorkerStuck(_) => workers::install(&self.kube, action).await,
            Fault::RollingUpgrade(_) => workers::upgrade(&self.kube, action.seed).await,
            Fault::MemoryLeak(fault) => {
                workers::leak(&self.kube, fault.bytes_per_record, fault.limit_mib).await
            }
            Fault::NetworkPartition(fault) => {
                Ok(self.disturb(action, (fault.proxied(), Effect::Hold), limit))
            }
            Fault::NetworkDelay(fault) => Ok(self.disturb(action, both(fault.effect()), limit)),
            Fault::NetworkLoss(fault) => Ok(self.disturb(action, both(fault.effect()), limit)),
            Fault::NetworkBandwidth(fault) => Ok(self.disturb(action, both(fault.effect()), limit)),
            Fault::NetworkBlackhole(fault) => Ok(self.disturb(action, both(fault.effect()), limit)),
            Fault::NetworkBridge(fault) => Ok(self.bridge(fault, action, limit)),
            Fault::ConnectionReset(fault) => Ok(self.disturb(action, both(fault.effect()), limit)),
            Fault::ConnectionHalfOpen(fault) => {
                Ok(self.disturb(action, both(fault.effect()), limit))
            }
            Fault::ConnectionSlowClose(fault) => {
                Ok(self.disturb(action, both(fault.effect()), limit))
            }
            Fault::ConnectionStorm(fault) => {
                storm::raise(&self.fronts(), brokers, fault.connections, limit)
            }
            Fault::ApiDown(_)
            | Fault::ApiSlow(_)
            | Fault::ApiErrors(_)
            | Fault::WatchDrop(_)
            | Fault::WatchStall(_)
            | Fault::EventsDelayed(_)
            | Fault::StaleList(_)
            | Fault::HistoryCompacted(_)
            | Fault::WebhookTimeout(_) => api::install(&self.kube, action, limit),
            Fault::OperatorKill(_) => operator::kill(&self.operator).await,
            Fault::LeaseLost(_) => operator::take_lease(&self.kube, &self.operator, limit).await,
            Fault::OperatorTwice(_) => operator::double(&self.operator),
            Fault::OperatorClockJump(fault) => {
                let offset_us = fault.direction.offset_us(fault.by);
                operator::set_clock(&self.kube, &self.operator, (offset_us, 0), limit)
            }
            Fault::OperatorClockSkew(fault) => {
                let drift_us_per_s = i64::from(fault.gains_ms_per_s) * 1_000;
                operator::set_clock(&self.kube, &self.operator, (0, drift_us_per_s), limit)
            }
            Fault::MalformedMessages(_)
            | Fault::IncompatibleSchema(_)
            | Fault::OversizedMessages(_)
            | Fault::PoisonMessage(_)
            | Fault::HotKey(_)
            | Fault::DuplicateSends(_)
            | Fault::UpstreamSilence(_) => {
                Err(Refusal::Unsupported("it acts on the load, not on the environment".to_owned()))
            }
            fault => {
                let reason = format!("nobody here knows how to do {}", fault.kind().kind);
                Err(Refusal::Unsupported(reason))
            }
        }
    }

    /// Where workers reach each broker, by its name.
    fn fronts(&self) -> BTreeMap<String, SocketAddr> {
        let front = |(name, proxy): (&String, &FaultProxy)| (name.clone(), proxy.address());
        self.proxies.iter().map(front).collect()
    }

    /// Lets the proxies do something to what flows between the targets.
    fn disturb(
        &self,
        action: &Action,
        effect: (Direction, Effect),
        limit: Duration,
    ) -> Box<dyn Installed> {
        let rule = Rule::between(&action.targets, effect, action.seed, limit);
        proxy::inject(&self.rules, vec![rule])
    }

    fn bridge(
        &self,
        fault: &NetworkBridge,
        action: &Action,
        limit: Duration,
    ) -> Box<dyn Installed> {
        let all: Vec<String> = self.proxies.keys().cloned().collect();
        let cuts = fault.cuts(&self.kube.nodes(), &all, &action.targets.brokers, action.seed);
        let rule = |cut| Rule::between(cut, both(Effect::Hold), action.seed, limit);
        proxy::inject(&self.rules, cuts.iter().map(rule).collect())
    }

    /// Stops everything.
    pub(super) async fn shutdown(self) {
        self.operator.stop().await;
        if let Some(kube) = Arc::into_inner(self.kube) {
            kube.shutdown().await;
        }
        for proxy in self.proxies.into_values().chain([self.api_proxy]) {
            proxy.shutdown().await;
        }
    }
}

/// What is real and what is emulated in the environment of this name: what is said of its brokers,
/// then all that is around them.
pub(super) fn describe(
    name: &str,
    (real, emulated): (&[&str], &[&str]),
    settings: BTreeMap<String, String>,
) -> results::Environment {
    let with = |brokers: &[&str], around: [&str; 3]| -> Vec<String> {
        brokers.iter().copied().chain(around).map(str::to_owned).collect()
    };
    results::Environment {
        name: name.to_owned(),
        real: with(
            real,
            [
                "operator and workers are processes of their own",
                "Kafka clients are librdkafka over TCP, or what your worker brings",
                "time",
            ],
        ),
        emulated: with(
            emulated,
            [
                "control plane: an embedded API server with stand-ins for controllers and kubelet",
                "nodes: groups of processes on one machine; network faults by proxies before brokers and API server",
                "service time of the reference worker: slept, not computed",
            ],
        ),
        settings,
    }
}

/// Whatever the direction.
fn both(effect: Effect) -> (Direction, Effect) {
    (Direction::Both, effect)
}

/// A proxy in front of a broker, which rules know as `server`.
pub(super) async fn start_proxy(
    environment: &'static str,
    (listen, upstream): (IpAddr, SocketAddr),
    server: &str,
    rules: &Rules,
) -> Result<FaultProxy, EnvironmentError> {
    let listen = SocketAddr::from((listen, 0));
    let (server, clients) = (server.to_owned(), Clients::ByClientId);
    let started = FaultProxy::start(Front { listen, upstream, server, clients }, rules.clone());
    started.await.map_err(|error| {
        let reason = format!("{listen}: {error}");
        EnvironmentError { environment, step: "start the fault proxies", reason }
    })
}

/// Nodes and times as a scenario asks for them.
fn control_plane(
    scenario: &ValidatedScenario,
    seed: u64,
    directory: &Path,
) -> std::io::Result<ControlPlaneConfig> {
    let environment = &scenario.spec.environment;
    let nodes = (0..environment.nodes).map(|place| NodeSpec {
        name: format!("node-{}", place + 1),
        cpu_millis: environment.node_cpu_millis.unwrap_or(NODE_CPU_MILLIS),
        memory_bytes: environment
            .node_memory_mib
            .map_or(NODE_MEMORY_BYTES, |mib| u64::from(mib) << 20),
        labels: environment.node_labels(place),
    });
    let exec_prefix: Vec<OsString> = crate::child::prefix(&std::env::current_exe()?);
    Ok(ControlPlaneConfig {
        nodes: nodes.collect(),
        exec_prefix,
        log_dir: directory.join("pods"),
        node_lease_period: environment.node_grace / 4,
        node_grace: environment.node_grace,
        eviction_delay: environment.eviction_delay,
        seed,
        ..ControlPlaneConfig::default()
    })
}
