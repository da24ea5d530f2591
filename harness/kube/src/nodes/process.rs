//! The table of the process groups that containers run in.
//!
//! Every signal goes through the table and its lock, so that a group is only ever signalled while
//! its leader is listed, and a process that is being started while its node goes down or is paused
//! meets the same fate as the others as soon as it is listed.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

use super::pressure::Pressure;

/// Process events kept for a receiver that lags behind.
const EVENTS_KEPT: usize = 1024;

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProcessStatus {
    /// It exited with this code.
    Code(i32),
    /// This signal ended it.
    Signal(i32),
    /// It was killed because memory ran out.
    OutOfMemory(OomKiller),
    /// Its node killed it for want of this, and its pod does not start again there.
    Evicted(Pressure),
}

/// Who killed a process because memory ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OomKiller {
    /// The system's kernel, at the limit of a control group.
    Kernel,
    /// The node's kubelet, which looks at what processes have.
    Kubelet,
}

/// A container's main process started or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessEvent {
    /// It runs now.
    Started {
        /// The node on which it runs.
        node: String,
        /// The pod whose container it is.
        pod: String,
        /// Its process id.
        pid: u32,
        /// Its process group, which it leads.
        group: u32,
    },
    /// It has ended, and what was left of its group was killed.
    Exited {
        /// The node on which it ran.
        node: String,
        /// The pod whose container it was.
        pod: String,
        /// Its process id.
        pid: u32,
        /// Its process group.
        group: u32,
        /// How it ended.
        status: ProcessStatus,
    },
}

/// A running process of a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProcessView {
    /// The pod whose container it is.
    pub pod: String,
    /// Its process id, which is also its group's.
    pub pid: u32,
}

/// What keeps a node's processes from running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct NodeState {
    pub(super) down: bool,
    pub(super) paused: bool,
    /// It is slow, and now is its time to stand still.
    pub(super) dozing: bool,
}

impl NodeState {
    fn stops(self) -> bool {
        self.paused || self.dozing
    }
}

#[derive(Debug)]
struct Group {
    node: String,
    pod: String,
    /// Stopped by itself, whatever its node allows.
    held: bool,
    /// Why it is being killed, if its node does that for a reason of its own.
    cause: Option<ProcessStatus>,
}

/// The signal that takes a group from one state to the next.
fn transition(stopped_before: bool, stopped: bool) -> Option<Signal> {
    match (stopped_before, stopped) {
        (false, true) => Some(Signal::STOP),
        (true, false) => Some(Signal::CONT),
        _ => None,
    }
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    nodes: HashMap<String, NodeState>,
    groups: BTreeMap<u32, Group>,
}

/// The process groups of one instance.
#[derive(Debug)]
pub(super) struct ProcessTable {
    state: Mutex<State>,
    changed: Notify,
    closing: CancellationToken,
    events: broadcast::Sender<ProcessEvent>,
}

impl ProcessTable {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            state: Mutex::default(),
            changed: Notify::new(),
            closing: CancellationToken::new(),
            events: broadcast::Sender::new(EVENTS_KEPT),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What starts and ends from now on.
    pub(super) fn events(&self) -> broadcast::Receiver<ProcessEvent> {
        self.events.subscribe()
    }

    /// Cancelled when no process may start any more.
    pub(super) fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    /// Lists a process that was just started as the leader of its group. False when its node went
    /// down meanwhile; then the process is on its way out.
    pub(super) fn started(&self, node: &str, pod: &str, pid: u32) -> bool {
        let mut state = self.lock();
        let (owner, name) = (node.to_owned(), pod.to_owned());
        let group = Group { node: owner, pod: name, held: false, cause: None };
        state.groups.insert(pid, group);
        let (node, pod) = (node.to_owned(), pod.to_owned());
        let node_state = state.nodes.get(&node).copied().unwrap_or_default();
        let _ = self.events.send(ProcessEvent::Started { node, pod, pid, group: pid });
        if state.closed || node_state.down {
            signal_group(pid, Signal::KILL);
            return false;
        }
        if node_state.stops() {
            signal_group(pid, Signal::STOP);
        }
        true
    }

    /// Takes a process off the list that has ended, and kills what is left of its group: a
    /// container ends with its main process. Gives how it ended.
    pub(super) fn ended(&self, pid: u32, status: ProcessStatus) -> ProcessStatus {
        let mut state = self.lock();
        let mut known = status;
        if let Some(Group { node, pod, cause, .. }) = state.groups.remove(&pid) {
            signal_group(pid, Signal::KILL);
            known = cause.unwrap_or(status);
            let status = known;
            let _ = self.events.send(ProcessEvent::Exited { node, pod, pid, group: pid, status });
        }
        drop(state);
        self.changed.notify_waiters();
        known
    }

    /// Signals a listed group.
    pub(super) fn signal(&self, pid: u32, signal: Signal) {
        let state = self.lock();
        if state.groups.contains_key(&pid) {
            signal_group(pid, signal);
        }
    }

    /// Kills a listed group of `node`; `cause` is then how it ended. False when there is none.
    pub(super) fn kill(&self, node: &str, pid: u32, cause: Option<ProcessStatus>) -> bool {
        self.change_group(node, pid, |group, _| {
            group.cause = group.cause.or(cause);
            Some(Signal::KILL)
        })
    }

    /// Stops a listed group of `node`, or takes that back. False when there is none.
    pub(super) fn hold(&self, node: &str, pid: u32, held: bool) -> bool {
        self.change_group(node, pid, |group, state| {
            let before = std::mem::replace(&mut group.held, held);
            transition(before || state.stops(), held || state.stops())
        })
    }

    fn change_group(
        &self,
        node: &str,
        pid: u32,
        change: impl FnOnce(&mut Group, NodeState) -> Option<Signal>,
    ) -> bool {
        let state = &mut *self.lock();
        let node_state = state.nodes.get(node).copied().unwrap_or_default();
        let group = state.groups.get_mut(&pid).filter(|group| group.node == node);
        let Some(group) = group else { return false };
        if let Some(signal) = change(group, node_state) {
            signal_group(pid, signal);
        }
        true
    }

    /// Changes what `node` allows its processes, those that start later too. Gives the leaders of
    /// the groups it has.
    pub(super) fn change_node(&self, node: &str, change: impl FnOnce(&mut NodeState)) -> Vec<u32> {
        let state = &mut *self.lock();
        let node_state = state.nodes.entry(node.to_owned()).or_default();
        let before = node_state.stops();
        change(node_state);
        let now = *node_state;
        let groups = state.groups.iter().filter(|(_, group)| group.node == node);
        groups
            .map(|(pid, group)| {
                let moved = transition(before || group.held, now.stops() || group.held);
                let signal = if now.down { Some(Signal::KILL) } else { moved };
                if let Some(signal) = signal {
                    signal_group(*pid, signal);
                }
                *pid
            })
            .collect()
    }

    /// Kills every group, stopped ones too, and those that start later.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.groups.keys().for_each(|pid| signal_group(*pid, Signal::KILL));
        drop(state);
        self.closing.cancel();
    }

    /// The running processes of `node`.
    pub(super) fn of_node(&self, node: &str) -> Vec<ProcessView> {
        let state = self.lock();
        let groups = state.groups.iter().filter(|(_, group)| group.node == node);
        let mut views: Vec<_> =
            groups.map(|(pid, group)| ProcessView { pod: group.pod.clone(), pid: *pid }).collect();
        views.sort();
        views
    }

    /// Waits until none of `pids` is listed any more.
    pub(super) async fn gone(&self, pids: &[u32]) {
        self.until(|state| !pids.iter().any(|pid| state.groups.contains_key(pid))).await;
    }

    /// Waits until nothing is listed any more.
    pub(super) async fn all_gone(&self) {
        self.until(|state| state.groups.is_empty()).await;
    }

    async fn until(&self, condition: impl Fn(&State) -> bool) {
        loop {
            let changed = self.changed.notified();
            if condition(&self.lock()) {
                return;
            }
            changed.await;
        }
    }
}

fn signal_group(leader: u32, signal: Signal) {
    let pid = i32::try_from(leader).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // A group that has just ended by itself is as good.
        let _ = kill_process_group(pid, signal);
    }
}
