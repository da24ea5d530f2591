//! What a test does to a node: crash, restart, pause, resume.

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
    Down,
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
        let (Condition::Up(kubelet) | Condition::Paused(kubelet)) = &*condition else {
            return Vec::new();
        };
        // The kubelet is frozen first, so that it neither reports a death nor cleans up before the
        // list is taken.
        kubelet.set_frozen(true);
        let killed = self.table().set_down(self.name());
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
            self.table().set_running(self.name());
            *condition = Condition::Up(Kubelet::start(&self.node.machine));
        }
    }

    /// Stops every process group and freezes kubelet and lease. Gives the main processes. Does
    /// nothing to a node that is down or paused.
    pub async fn pause(&self) -> Vec<u32> {
        let mut condition = self.node.condition.lock().await;
        match std::mem::replace(&mut *condition, Condition::Down) {
            Condition::Up(kubelet) => {
                kubelet.set_frozen(true);
                let stopped = self.table().set_paused(self.name());
                *condition = Condition::Paused(kubelet);
                stopped
            }
            other => {
                *condition = other;
                Vec::new()
            }
        }
    }

    /// Lets a paused node go on from where it stood. Does nothing to any other.
    pub async fn resume(&self) {
        let mut condition = self.node.condition.lock().await;
        match std::mem::replace(&mut *condition, Condition::Down) {
            Condition::Paused(kubelet) => {
                self.table().set_running(self.name());
                kubelet.set_frozen(false);
                *condition = Condition::Up(kubelet);
            }
            other => *condition = other,
        }
    }

    /// Ends the node's tasks at once. For the instance's end.
    pub(super) fn abandon(&self) {
        // Whoever holds the lock is changing the node; the closed process table stops that.
        if let Ok(condition) = self.node.condition.try_lock()
            && let Condition::Up(kubelet) | Condition::Paused(kubelet) = &*condition
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
