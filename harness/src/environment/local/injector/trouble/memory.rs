//! The largest container of a node, killed for want of memory.

use chaos::{Installed, Refusal};
use embedded_kube::{EmbeddedKube, NodeHandle, ProcessEvent, ProcessStatus, ProcessView};
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::collections::BTreeSet;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

/// Kills the process with the most memory on each node.
pub(super) fn run_out(
    kube: &EmbeddedKube,
    nodes: &[NodeHandle],
) -> Result<Box<dyn Installed>, Refusal> {
    let events = kube.process_events();
    let victims: Vec<ProcessView> =
        nodes.iter().filter_map(NodeHandle::run_out_of_memory).collect();
    if victims.is_empty() {
        return Err(Refusal::Failed("nothing runs there".to_owned()));
    }
    Ok(Box::new(Killed { victims, events, ended: BTreeSet::new() }))
}

struct Killed {
    victims: Vec<ProcessView>,
    events: Receiver<ProcessEvent>,
    /// Processes that have ended for want of memory.
    ended: BTreeSet<u32>,
}

impl Killed {
    fn sentence(&mut self) -> Option<String> {
        loop {
            match self.events.try_recv() {
                Ok(ProcessEvent::Exited { pid, status: ProcessStatus::OutOfMemory(_), .. }) => {
                    self.ended.insert(pid);
                }
                Ok(_) | Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        let all = self.victims.iter().all(|victim| self.ended.contains(&victim.pid));
        let each = self.victims.iter().map(|victim| format!("{} of {}", victim.pid, victim.pod));
        all.then(|| format!("ended for want of memory: {}", each.collect::<Vec<_>>().join(", ")))
    }
}

impl Installed for Killed {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    /// There is nothing to undo: the kubelet starts the containers again.
    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        let killed = counted(self.victims.len(), "process");
        async move { Ok(format!("there is memory again; {killed} killed")) }.boxed()
    }
}
