//! A slow node: its processes stand still for a part of every period.
//!
//! This is what a CPU limit does to a busy container: Linux's CFS bandwidth control lets a group run
//! until its quota of a period is used up and then stops it until the next. The period here is that
//! control's default. Unlike a limit it does not depend on how busy the processes are.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::NodeHandle;
use super::process::ProcessTable;
use crate::clock;

/// The default of `cpu.cfs_period_us`.
const PERIOD: Duration = Duration::from_millis(100);

/// Time that processes of a slow node had, summed over them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoppedTime {
    /// Time at whose end the system showed the process as stopped.
    pub stopped: Duration,
    /// All of it.
    pub all: Duration,
}

impl StoppedTime {
    /// Which part of their time processes were stopped, from 0 to 1.
    pub fn share(&self) -> f64 {
        if self.all.is_zero() { 0.0 } else { self.stopped.as_secs_f64() / self.all.as_secs_f64() }
    }
}

/// A node in slow motion. Dropping it ends that.
#[derive(Debug)]
pub struct Slowness {
    time: watch::Receiver<StoppedTime>,
    cancel: DropGuard,
    task: Option<JoinHandle<()>>,
}

impl Slowness {
    /// The time so far.
    pub fn time(&self) -> StoppedTime {
        *self.time.borrow()
    }

    /// Lets the node run as before. Harmless when repeated.
    pub async fn end(&mut self) {
        self.cancel.token().cancel();
        if let Some(task) = self.task.take() {
            let _ = task.await;
        }
    }
}

impl NodeHandle {
    /// Lets the node's processes stand still for this share of the time, from 0 to 1, until the
    /// returned value is ended or dropped, or `limit` is over. Its kubelet goes on.
    pub fn slow_down(&self, stopped: f64, limit: Duration) -> Slowness {
        let (sender, time) = watch::channel(StoppedTime::default());
        let cancel = CancellationToken::new();
        let doze = doze(self.clone(), PERIOD.mul_f64(stopped.clamp(0.0, 1.0)), sender);
        let over = cancel.clone();
        let task = tokio::spawn(async move {
            tokio::select! {
                () = over.cancelled() => {}
                () = tokio::time::sleep(limit) => {}
                () = doze => {}
            }
        });
        Slowness { time, cancel: cancel.drop_guard(), task: Some(task) }
    }
}

/// Wakes the node up when the task ends, wherever it is.
struct Dozing {
    table: Arc<ProcessTable>,
    node: String,
}

impl Dozing {
    fn set(&self, dozing: bool) {
        self.table.change_node(&self.node, |state| state.dozing = dozing);
    }
}

impl Drop for Dozing {
    fn drop(&mut self) {
        self.set(false);
    }
}

async fn doze(node: NodeHandle, asleep: Duration, time: watch::Sender<StoppedTime>) {
    let table = Arc::clone(node.machine().launcher.table());
    let closing = table.closing().clone();
    let dozing = Dozing { table, node: node.name().to_owned() };
    while !closing.is_cancelled() {
        let begun = clock::instant();
        dozing.set(true);
        tokio::time::sleep(asleep).await;
        let processes = node.processes().len();
        let states = node.states().unwrap_or_default();
        let stopped = states.iter().filter(|(_, state)| *state == 'T').count();
        let slept = clock::instant().duration_since(begun);
        dozing.set(false);
        tokio::time::sleep(PERIOD.saturating_sub(asleep)).await;
        let round = clock::instant().duration_since(begun);
        time.send_modify(|time| {
            time.stopped += slept * u32::try_from(stopped).unwrap_or(u32::MAX);
            time.all += round * u32::try_from(processes).unwrap_or(u32::MAX);
        });
    }
}
