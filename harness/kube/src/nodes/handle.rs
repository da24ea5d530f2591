//! What a test does to a node: crash, restart, pause, resume, silence, and kill or hold its
//! processes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::kubelet::{Kubelet, Machine};
use super::process::{ProcessTable, ProcessView};

/// How long killed processes are waited for; only one that hangs in the kernel takes longer.
const KILL_TIME: Duration = Duration::from_secs(5);

/// A node of the instance. Clones are the same node.
#[derive(Debug, Clone)]
pub struct NodeHandle {
    node: Arc<EmulatedNode>,
}

#[derive(Debug)]
struct EmulatedNode {
    machine: Arc<Machine>,
    condition: Mutex<Condition>,
}

#[derive(Debug)]
enum Condition {
    Up(Kubelet),
    Paused(Kubelet),
    /// Its kubelet stands still and its processes do not.
    Silent(Kubelet),
    Down,
}

impl Condition {
    fn kubelet(&self) -> Option<&Kubelet> {
        match self {
            Self::Up(kubelet) | Self::Paused(kubelet) | Self::Silent(kubelet) => Some(kubelet),
            Self::Down => None,
        }
    }
}

impl NodeHandle {
    /// Boots a node.
    pub(super) fn boot(machine: Machine) -> Self {
        let machine = Arc::new(machine);
        let kubelet = Kubelet::start(&machine);
        let condition = Mutex::new(Condition::Up(kubelet));
        Self { node: Arc::new(EmulatedNode { machine, condition }) }
    }

    /// The node's name.
    pub fn name(&self) -> &str {
        &self.node.machine.spec.name
    }

    pub(super) fn machine(&self) -> &Machine {
        &self.node.machine
    }

    fn table(&self) -> &ProcessTable {
        self.node.machine.launcher.table()
    }

    /// The main processes of the node's containers.
    pub fn processes(&self) -> Vec<ProcessView> {
        self.table().of_node(self.name())
    }

    /// The state letter of each main process as in `/proc/PID/stat` (`T` when stopped), or none
    /// where the system does not have it. A process that is just ending is left out.
    pub fn states(&self) -> Option<Vec<(u32, char)>> {
        if !cfg!(target_os = "linux") {
            return None;
        }
        let processes = self.processes().into_iter();
        Some(processes.filter_map(|process| Some((process.pid, state(process.pid)?))).collect())
    }

    /// Takes the power away: every process group is killed at once, kubelet and lease stop, and the
    /// API shows what it last showed. Gives the main processes that were killed, all gone by then.
    /// Does nothing to a node that is down.
    pub async fn crash(&self) -> Vec<u32> {
        let mut condition = self.node.condition.lock().await;
        let Some(kubelet) = condition.kubelet() else { return Vec::new() };
        // The kubelet is frozen first, so that it neither reports a death nor cleans up before the
        // list is taken.
        kubelet.set_frozen(true);
        let killed = self.table().change_node(self.name(), |state| state.down = true);
        kubelet.cancel();
        if tokio::time::timeout(KILL_TIME, self.table().gone(&killed)).await.is_err() {
            tracing::error!(node = self.name(), "killed processes are still there");
        }
        kubelet.ended().await;
        *condition = Condition::Down;
        killed
    }

    /// Boots a node that crashed. Pods that are still bound to it start again; those that were
    /// deleted meanwhile are finished off. Does nothing to a node that is up or paused.
    pub async fn restart(&self) {
        let mut condition = self.node.condition.lock().await;
        if matches!(*condition, Condition::Down) && !self.table().closing().is_cancelled() {
            self.table().change_node(self.name(), |state| {
                (state.down, state.paused) = (false, false);
            });
            *condition = Condition::Up(Kubelet::start(&self.node.machine));
        }
    }

    /// Stops every process group and freezes kubelet and lease. Gives the main processes. Does
    /// nothing to a node that is down or paused.
    pub async fn pause(&self) -> Vec<u32> {
        let pause = |kubelet: Kubelet| {
            kubelet.set_frozen(true);
            let stopped = self.table().change_node(self.name(), |state| state.paused = true);
            (Condition::Paused(kubelet), stopped)
        };
        self.change_if_up(pause).await.unwrap_or_default()
    }

    /// Lets a paused node go on from where it stood. Does nothing to any other.
    pub async fn resume(&self) {
        let mut condition = self.node.condition.lock().await;
        *condition = match std::mem::replace(&mut *condition, Condition::Down) {
            Condition::Paused(kubelet) => {
                self.table().change_node(self.name(), |state| state.paused = false);
                kubelet.set_frozen(false);
                Condition::Up(kubelet)
            }
            other => other,
        };
    }

    /// Freezes kubelet and lease and leaves the processes alone. False, and nothing is done, when
    /// the node is down, paused or silent.
    pub async fn silence(&self) -> bool {
        let silence = |kubelet: Kubelet| {
            kubelet.set_frozen(true);
            (Condition::Silent(kubelet), ())
        };
        self.change_if_up(silence).await.is_some()
    }

    /// Lets the kubelet of a silent node go on. Does nothing to any other node.
    pub async fn end_silence(&self) {
        let mut condition = self.node.condition.lock().await;
        *condition = match std::mem::replace(&mut *condition, Condition::Down) {
            Condition::Silent(kubelet) => {
                kubelet.set_frozen(false);
                Condition::Up(kubelet)
            }
            other => other,
        };
    }

    /// Kills a process of the node with its group, as if it had failed. False when there is none.
    pub fn kill(&self, pid: u32) -> bool {
        self.table().kill(self.name(), pid, None)
    }

    /// Stops a process of the node with its group, or lets it go on. False when there is none.
    pub fn hold(&self, pid: u32, held: bool) -> bool {
        self.table().hold(self.name(), pid, held)
    }

    /// Takes a node that is up into another condition; none when it is not up.
    async fn change_if_up<T>(&self, change: impl FnOnce(Kubelet) -> (Condition, T)) -> Option<T> {
        let mut condition = self.node.condition.lock().await;
        match std::mem::replace(&mut *condition, Condition::Down) {
            Condition::Up(kubelet) => {
                let (next, outcome) = change(kubelet);
                *condition = next;
                Some(outcome)
            }
            other => {
                *condition = other;
                None
            }
        }
    }

    /// Ends the node's tasks at once. For the instance's end.
    pub(super) fn abandon(&self) {
        // Whoever holds the lock is changing the node; the closed process table stops that.
        if let Ok(condition) = self.node.condition.try_lock()
            && let Some(kubelet) = condition.kubelet()
        {
            kubelet.cancel();
        }
    }
}

fn state(pid: u32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may itself hold parentheses and spaces.
    stat.rsplit_once(") ")?.1.chars().next()
}
