//! Emulated nodes: each is a kubelet stand-in that runs the containers bound to it as real
//! processes.
//!
//! - [`handle`]: what a test does to a node, with `clock_shift`, `drain`, `notice`, `pressure`,
//!   `slowness` and `starts`; `kubelet`: one boot of it (lease, watch, workers);
//!   `registration`: its Node object and Lease; `gate`: freezing it;
//! - `pod_worker`: one pod from arrival to end, with `pod_process` (starting it),
//!   `pod_status_writer`, `events`; pure parts are `container`, `environment`, `status`, `probe`
//!   and `backoff`;
//! - [`process`]: the table of process groups; `launcher`: the thread that starts and reaps them;
//!   `address`, `log` and `work_directory` give each pod its place, `limits` its control group, and
//!   `memory` looks at it where there is none.
//!
//! A process never outlives its [`Nodes`]: shutting down kills every group and waits, and dropping
//! it kills them without waiting.

mod address;
mod backoff;
mod clock_shift;
mod container;
mod drain;
mod environment;
mod events;
mod gate;
mod handle;
mod kubelet;
mod launcher;
mod limits;
mod log;
mod memory;
mod notice;
mod pod_process;
mod pod_status_writer;
mod pod_worker;
mod pressure;
mod probe;
mod process;
mod registration;
mod slowness;
mod starts;
mod status;
mod work_directory;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use kube::Client;
use tokio::sync::{broadcast, watch};

use crate::cgroup::{ControlGroup, Throttled};
use address::AddressPlan;
pub use clock_shift::{CLOCK_FILE, ClockShift};
pub use drain::DrainRound;
pub use handle::NodeHandle;
use kubelet::Machine;
use launcher::Launcher;
pub use notice::SPOT_TAINT;
pub use pressure::Pressure;
use process::ProcessTable;
pub use process::{OomKiller, ProcessEvent, ProcessStatus, ProcessView};
pub use slowness::{Slowness, StoppedTime};
pub use starts::StartTroubles;
use starts::Starts;
use work_directory::WorkDirectory;

/// A node to emulate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSpec {
    /// Its name in the API.
    pub name: String,
    /// Thousandths of a CPU that pods may request in all.
    pub cpu_millis: u32,
    /// Bytes of memory that pods may request in all.
    pub memory_bytes: u64,
    /// Labels besides `kubernetes.io/hostname`, `os` and `arch`.
    pub labels: BTreeMap<String, String>,
}

/// The nodes of an instance and how they run pods.
#[derive(Debug, Clone)]
pub(crate) struct NodesConfig {
    pub(crate) nodes: Vec<NodeSpec>,
    /// Put before each container's command.
    pub(crate) exec_prefix: Vec<OsString>,
    /// Above the control groups of nodes, where they have some.
    pub(crate) control_group: Option<Arc<ControlGroup>>,
    /// Where `<pod>.log` files go.
    pub(crate) log_dir: PathBuf,
    /// Time from one renewal of a node's lease to the next.
    pub(crate) lease_period: Duration,
    /// First wait before a container that ended is started again; it doubles up to 16 times this.
    pub(crate) restart_backoff: Duration,
    /// Where the search for a free block of addresses begins.
    pub(crate) seed: u64,
}

/// Why nodes could not be started.
#[derive(Debug, thiserror::Error)]
pub enum NodesError {
    /// The configuration cannot be carried out.
    #[error("{0}")]
    Configuration(String),
    /// The system refused something.
    #[error("{what}: {source}")]
    System {
        /// What was asked of it.
        what: &'static str,
        /// Its answer.
        source: io::Error,
    },
    /// The API server refused a node.
    #[error("node {node}: registration: {source}")]
    Registration {
        /// The node's name.
        node: String,
        /// The API server's answer.
        source: Box<kube::Error>,
    },
}

/// The running nodes of an instance.
#[derive(Debug)]
pub(crate) struct Nodes {
    handles: BTreeMap<String, NodeHandle>,
    table: Arc<ProcessTable>,
    thread: Mutex<Option<JoinHandle<()>>>,
    plan: AddressPlan,
    directory: Arc<WorkDirectory>,
    control_group: Option<Arc<ControlGroup>>,
}

impl Nodes {
    /// Registers every node and starts its kubelet.
    ///
    /// # Errors
    /// When names repeat, there are too many nodes, or the system or the API server refuses.
    pub(crate) async fn start(client: Client, config: NodesConfig) -> Result<Self, NodesError> {
        let plan = AddressPlan::for_this_system(config.seed)
            .map_err(|source| NodesError::System { what: "pod addresses", source })?;
        Self::start_with(client, config, plan).await
    }

    async fn start_with(
        client: Client,
        config: NodesConfig,
        plan: AddressPlan,
    ) -> Result<Self, NodesError> {
        check(&config)?;
        let system = |what| move |source| NodesError::System { what, source };
        let directory = WorkDirectory::for_instance().map_err(system("directory for pods"))?;
        let directory = Arc::new(directory);
        let table = ProcessTable::new();
        let (launcher, thread) =
            Launcher::start(Arc::clone(&table)).await.map_err(system("process thread"))?;
        let launcher = Arc::new(launcher);
        // From here on an early return drops this, which ends the thread.
        let mut nodes = Self {
            handles: BTreeMap::new(),
            table,
            thread: Mutex::new(Some(thread)),
            plan,
            directory: Arc::clone(&directory),
            control_group: config.control_group,
        };
        for (index, spec) in config.nodes.into_iter().enumerate() {
            let name = spec.name.clone();
            let group = nodes.control_group.as_ref().map(|top| limits::of_node(top, &spec));
            let machine = Machine {
                spec,
                client: client.clone(),
                addresses: nodes.plan.node(index),
                launcher: Arc::clone(&launcher),
                directory: Arc::clone(&directory),
                exec_prefix: config.exec_prefix.clone(),
                control_group: group.transpose().map_err(system("control group of a node"))?,
                log_directory: config.log_dir.clone(),
                lease_period: config.lease_period,
                restart_backoff: config.restart_backoff,
                starts: Starts::default(),
                pressures: watch::Sender::default(),
            };
            machine.register().await.map_err(|source| NodesError::Registration {
                node: name.clone(),
                source: Box::new(source),
            })?;
            nodes.handles.insert(name, NodeHandle::boot(machine));
        }
        Ok(nodes)
    }

    /// The node with this name.
    pub(crate) fn node(&self, name: &str) -> Option<NodeHandle> {
        self.handles.get(name).cloned()
    }

    /// The nodes' names in order.
    pub(crate) fn names(&self) -> Vec<String> {
        self.handles.keys().cloned().collect()
    }

    /// How much nodes and containers had to wait for processors by their limits so far.
    pub(crate) fn throttled(&self) -> Throttled {
        self.control_group.as_deref().map(ControlGroup::throttled).unwrap_or_default()
    }

    /// What starts and ends from now on. A receiver that lags misses the oldest events.
    pub(crate) fn process_events(&self) -> broadcast::Receiver<ProcessEvent> {
        self.table.events()
    }

    /// Ends every node. When it returns, every process is gone, paused ones too, and so are the
    /// directories they ran in.
    pub(crate) async fn shutdown(&self) {
        for handle in self.handles.values() {
            handle.abandon();
        }
        self.table.close();
        for handle in self.handles.values() {
            handle.crash().await;
        }
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        self.directory.remove();
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for handle in self.handles.values() {
            handle.abandon();
        }
        self.table.close();
    }
}

fn check(config: &NodesConfig) -> Result<(), NodesError> {
    let refuse = |message: String| Err(NodesError::Configuration(message));
    if config.nodes.len() > address::NODES_MAX {
        let (count, most) = (config.nodes.len(), address::NODES_MAX);
        return refuse(format!("nodes: {count}, and at most {most} have addresses"));
    }
    if config.lease_period.is_zero() {
        return refuse("node_lease_period: must be longer than zero".to_owned());
    }
    if config.restart_backoff.is_zero() {
        return refuse("restart_backoff: must be longer than zero".to_owned());
    }
    for (index, node) in config.nodes.iter().enumerate() {
        if config.nodes[..index].iter().any(|other| other.name == node.name) {
            return refuse(format!("nodes[{index}].name: {:?} is taken already", node.name));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
