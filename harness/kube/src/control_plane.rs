//! API server, controllers and nodes put together.

use std::ffi::OsString;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::api::{ApiConfig, ApiFault, ApiServer, InstalledApiFault};
use crate::cgroup::{ControlGroup, Throttled};
use crate::controllers::{self, NodeTimes};
use crate::nodes::{NodeHandle, NodeSpec, Nodes, NodesConfig, NodesError, ProcessEvent};

/// What to start and how it behaves.
#[derive(Debug, Clone)]
pub struct ControlPlaneConfig {
    /// The nodes to emulate.
    pub nodes: Vec<NodeSpec>,
    /// Put before each container's command, as a program that dies with its parent.
    pub exec_prefix: Vec<OsString>,
    /// Below it every node gets a control group that holds it to its capacity, and every container
    /// one that holds it to its limits. Without it, memory limits are looked at and CPU limits are
    /// not held.
    pub control_group: Option<Arc<ControlGroup>>,
    /// Where `<pod>.log` files go: standard output and error of the containers, bounded.
    pub log_dir: PathBuf,
    /// Time from one renewal of a node's lease to the next.
    pub node_lease_period: Duration,
    /// A node whose lease is older than this becomes not ready.
    pub node_grace: Duration,
    /// Pods of a node that has not been ready for this long are replaced.
    pub eviction_delay: Duration,
    /// First wait before a container that ended is started again; it doubles up to 16 times this.
    pub restart_backoff: Duration,
    /// Port of 127.0.0.1 on which the API is served; 0 takes a free one.
    pub port: u16,
    /// Seed of uids, generated names and the search for free addresses.
    pub seed: u64,
}

impl Default for ControlPlaneConfig {
    /// No nodes, and the times of a Kubernetes that reacts about ten times as fast as usual.
    fn default() -> Self {
        Self {
            nodes: Vec::new(),
            exec_prefix: Vec::new(),
            control_group: None,
            log_dir: std::env::temp_dir().join("embedded-kube"),
            node_lease_period: Duration::from_secs(1),
            node_grace: Duration::from_secs(4),
            eviction_delay: Duration::from_secs(5),
            restart_backoff: Duration::from_secs(1),
            port: 0,
            seed: 0,
        }
    }
}

/// Why a control plane could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The API's port is taken or may not be used.
    #[error("port {port} of 127.0.0.1: {source}")]
    Listen {
        /// The port asked for.
        port: u16,
        /// The system's answer.
        source: io::Error,
    },
    /// The nodes could not be started.
    #[error(transparent)]
    Nodes(#[from] NodesError),
}

/// A running control plane with its nodes.
#[derive(Debug)]
pub struct EmbeddedKube {
    server: ApiServer,
    address: SocketAddr,
    nodes: Nodes,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

impl EmbeddedKube {
    /// Starts the API server, the controllers and the nodes. When it returns, the API answers and
    /// every node is registered.
    ///
    /// # Errors
    /// When the port is taken, or the nodes cannot be started.
    pub async fn start(config: ControlPlaneConfig) -> Result<Self, StartError> {
        let port = config.port;
        let listen = |source| StartError::Listen { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let server =
            ApiServer::with_config(ApiConfig { seed: config.seed, ..ApiConfig::default() });
        // Whatever goes wrong from here on ends what was started.
        let stop = StopOnDrop(Some(server.clone()));
        let tasks = TaskTracker::new();
        let cancel = CancellationToken::new();
        let serving = server.clone();
        tasks.spawn(async move {
            if let Err(error) = serving.serve(listener).await {
                tracing::error!(%error, "the API server no longer accepts connections");
            }
        });
        let nodes = NodesConfig {
            nodes: config.nodes,
            exec_prefix: config.exec_prefix,
            control_group: config.control_group,
            log_dir: config.log_dir,
            lease_period: config.node_lease_period,
            restart_backoff: config.restart_backoff,
            seed: config.seed,
        };
        let nodes = Nodes::start(server.client(), nodes).await?;
        let times = NodeTimes { grace: config.node_grace, eviction_delay: config.eviction_delay };
        controllers::spawn(&server.client(), times, &tasks, &cancel);
        tasks.close();
        stop.disarm();
        Ok(Self { server, address, nodes, tasks, cancel })
    }

    /// A client that calls the API server in memory.
    pub fn client(&self) -> kube::Client {
        self.server.client()
    }

    /// The socket on which the API is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the API is served.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A kubeconfig file for `kubectl` and other clients.
    pub fn kubeconfig(&self) -> String {
        kubeconfig(&self.url())
    }

    /// Lets something go wrong between the API server and its clients on the socket, for `limit` at
    /// most. What it draws follows from `seed`.
    pub fn install_api_fault(
        &self,
        fault: ApiFault,
        limit: Duration,
        seed: u64,
    ) -> InstalledApiFault {
        self.server.install(fault, limit, seed)
    }

    /// The same for clients that reach the API through a proxy.
    pub fn kubeconfig_through(&self, proxy: SocketAddr) -> String {
        kubeconfig(&format!("http://{proxy}"))
    }

    /// How many faults of the API server are in force.
    pub fn api_faults(&self) -> usize {
        self.server.faults_in_force()
    }

    /// Every object that there is, in the order of their keys.
    pub fn objects(&self) -> Vec<Arc<Value>> {
        self.server.objects()
    }

    /// The node with this name.
    pub fn node(&self, name: &str) -> Option<NodeHandle> {
        self.nodes.node(name)
    }

    /// The nodes' names in order.
    pub fn nodes(&self) -> Vec<String> {
        self.nodes.names()
    }

    /// How much nodes and containers had to wait for processors by their limits so far.
    pub fn throttled(&self) -> Throttled {
        self.nodes.throttled()
    }

    /// The processes that start and end from now on. A receiver that lags misses the oldest.
    pub fn process_events(&self) -> broadcast::Receiver<ProcessEvent> {
        self.nodes.process_events()
    }

    /// Ends everything. When it returns, every process is gone and the port is free.
    pub async fn shutdown(self) {
        self.cancel.cancel();
        self.nodes.shutdown().await;
        self.server.stop();
        self.tasks.wait().await;
    }
}

impl Drop for EmbeddedKube {
    fn drop(&mut self) {
        self.cancel.cancel();
        self.server.stop();
    }
}

/// Stops a server unless told that all went well.
struct StopOnDrop(Option<ApiServer>);

impl StopOnDrop {
    fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        if let Some(server) = &self.0 {
            server.stop();
        }
    }
}

fn kubeconfig(url: &str) -> String {
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: embedded
  cluster:
    server: {url}
users:
- name: embedded
  user: {{}}
contexts:
- name: embedded
  context:
    cluster: embedded
    user: embedded
    namespace: default
current-context: embedded
"
    )
}
