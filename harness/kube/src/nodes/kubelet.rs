//! The kubelet of one node, from one boot to the next: its lease, and a worker for each of its
//! pods.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::NodeSpec;
use super::address::NodeAddresses;
use super::events::Events;
use super::gate::Gate;
use super::launcher::Launcher;
use super::pod_worker;
use super::pressure::{self, Pressure};
use super::registration;
use super::starts::Starts;
use super::work_directory::WorkDirectory;
use crate::cgroup::ControlGroup;

/// Wait between attempts to register.
const REGISTER_AGAIN: Duration = Duration::from_millis(250);

/// A node as it stays over its boots.
pub(super) struct Machine {
    pub(super) spec: NodeSpec,
    pub(super) client: Client,
    pub(super) addresses: NodeAddresses,
    pub(super) launcher: Arc<Launcher>,
    pub(super) directory: Arc<WorkDirectory>,
    pub(super) exec_prefix: Vec<OsString>,
    /// Holds the node to its capacity, and is above the groups of its containers.
    pub(super) control_group: Option<ControlGroup>,
    pub(super) log_directory: PathBuf,
    pub(super) lease_period: Duration,
    pub(super) restart_backoff: Duration,
    pub(super) starts: Starts,
    /// What the node lacks.
    pub(super) pressures: watch::Sender<BTreeSet<Pressure>>,
}

impl fmt::Debug for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Machine").field(&self.spec).finish()
    }
}

impl Machine {
    /// Puts the node into the API.
    pub(super) async fn register(&self) -> Result<(), kube::Error> {
        let address = self.addresses.host().to_string();
        registration::register(&self.client, &self.spec, &address, self.lease_period).await
    }
}

/// What the tasks of one boot share.
#[derive(Debug, Clone)]
pub(super) struct Boot {
    pub(super) machine: Arc<Machine>,
    pub(super) events: Events,
    gate: Gate,
    cancel: CancellationToken,
    tracker: TaskTracker,
}

impl Boot {
    /// Runs `task` until the node goes down, and not while it is paused.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let (gate, cancel) = (self.gate.clone(), self.cancel.clone());
        self.tracker.spawn(async move {
            gate.run(&cancel, task).await;
        });
    }

    /// Runs `task` to its end, which must be near once the node's processes are gone.
    pub(super) fn spawn_to_end(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(task);
    }
}

/// A running kubelet.
#[derive(Debug)]
pub(super) struct Kubelet {
    boot: Boot,
}

impl Kubelet {
    /// Starts the node's tasks.
    pub(super) fn start(machine: &Arc<Machine>) -> Self {
        let (events, write_events) = Events::new(machine.client.clone(), &machine.spec.name);
        let boot = Boot {
            machine: Arc::clone(machine),
            events,
            gate: Gate::open(),
            cancel: CancellationToken::new(),
            tracker: TaskTracker::new(),
        };
        let (client, name) = (machine.client.clone(), machine.spec.name.clone());
        let lease = registration::keep_lease(client, name, machine.lease_period);
        boot.spawn(lease);
        boot.spawn(write_events);
        boot.spawn(report_ready(Arc::clone(machine)));
        boot.spawn(pressure::follow(boot.clone()));
        boot.spawn(follow_pods(boot.clone()));
        Self { boot }
    }

    /// Holds every task where it is, or lets them go on.
    pub(super) fn set_frozen(&self, frozen: bool) {
        self.boot.gate.set_closed(frozen);
    }

    /// Ends every task without any more ado; whatever they hold is dropped.
    pub(super) fn cancel(&self) {
        self.boot.cancel.cancel();
    }

    /// Waits until every task has ended after [`Self::cancel`].
    pub(super) async fn ended(&self) {
        self.boot.tracker.close();
        self.boot.tracker.wait().await;
    }
}

/// Reports the node as ready once after each boot.
async fn report_ready(machine: Arc<Machine>) {
    while let Err(error) = machine.register().await {
        tracing::debug!(node = machine.spec.name, %error, "the node could not be registered");
        tokio::time::sleep(REGISTER_AGAIN).await;
    }
}

/// Gives each pod that is bound to the node a worker, and tells it what happens to the pod.
async fn follow_pods(boot: Boot) {
    let api: Api<Pod> = Api::all(boot.machine.client.clone());
    let on_node = format!("spec.nodeName={}", boot.machine.spec.name);
    let config = watcher::Config::default().fields(&on_node);
    let mut events = std::pin::pin!(watcher(api, config).default_backoff());
    let mut workers = Workers { boot, by_uid: HashMap::new(), listed: None };
    while let Some(event) = events.next().await {
        match event {
            Ok(event) => workers.handle(event),
            Err(error) => tracing::debug!(%error, "the watch of pods failed and starts again"),
        }
    }
}

struct Workers {
    boot: Boot,
    by_uid: HashMap<String, watch::Sender<Option<Arc<Pod>>>>,
    /// Pods seen so far while the watch begins anew.
    listed: Option<HashSet<String>>,
}

impl Workers {
    fn handle(&mut self, event: Event<Pod>) {
        match event {
            Event::Init => self.listed = Some(HashSet::new()),
            Event::InitApply(pod) => {
                if let (Some(listed), Some(uid)) = (&mut self.listed, &pod.metadata.uid) {
                    listed.insert(uid.clone());
                }
                self.apply(pod);
            }
            Event::InitDone => {
                let Some(listed) = self.listed.take() else { return };
                self.by_uid.retain(|uid, sender| {
                    let there = listed.contains(uid);
                    if !there {
                        sender.send_replace(None);
                    }
                    there
                });
            }
            Event::Apply(pod) => self.apply(pod),
            Event::Delete(pod) => {
                let uid = pod.metadata.uid.unwrap_or_default();
                if let Some(sender) = self.by_uid.remove(&uid) {
                    sender.send_replace(None);
                }
            }
        }
    }

    fn apply(&mut self, pod: Pod) {
        let Some(uid) = pod.metadata.uid.clone() else { return };
        let pod = Arc::new(pod);
        if let Some(sender) = self.by_uid.get(&uid) {
            sender.send_replace(Some(pod));
            return;
        }
        let (sender, receiver) = watch::channel(Some(Arc::clone(&pod)));
        self.by_uid.insert(uid, sender);
        self.boot.spawn(pod_worker::run(self.boot.clone(), pod, receiver));
    }
}
