//! Worker pods that are deleted, at once or in order.

use super::{Worker, pods};
use chaos::{Installed, Refusal};
use embedded_kube::{EmbeddedKube, ProcessEvent, ProcessStatus};
use futures::FutureExt;
use futures::future::BoxFuture;
use kube::api::DeleteParams;
use results::report::format::counted;
use std::collections::BTreeMap;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

/// The signal that ends what did not end by itself.
const KILL: i32 = 9;

/// How pods are deleted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Manner {
    /// With no grace period.
    AtOnce,
    /// With the grace period that they ask for.
    InOrder,
}

/// Deletes the pods of workers.
pub(super) async fn delete(
    kube: &EmbeddedKube,
    workers: &[Worker],
    manner: Manner,
) -> Result<Box<dyn Installed>, Refusal> {
    let events = kube.process_events();
    let parameters = match manner {
        Manner::AtOnce => DeleteParams::default().grace_period(0),
        Manner::InOrder => DeleteParams::default(),
    };
    let pods = pods(kube.client());
    let mut ends = BTreeMap::new();
    let mut refused = None;
    for worker in workers {
        match pods.delete(&worker.pod, &parameters).await {
            Ok(_) => {
                ends.insert(worker.pid, None);
            }
            // It may have gone by itself meanwhile.
            Err(error) => refused = Some(error),
        }
    }
    match refused {
        Some(error) if ends.is_empty() => Err(Refusal::Failed(error.to_string())),
        _ => Ok(Box::new(Deleted { manner, events, ends, healed: None })),
    }
}

struct Deleted {
    manner: Manner,
    events: Receiver<ProcessEvent>,
    /// The processes of the pods, each with its end once it came.
    ends: BTreeMap<u32, Option<ProcessStatus>>,
    healed: Option<String>,
}

impl Deleted {
    fn follow(&mut self) {
        loop {
            match self.events.try_recv() {
                Ok(ProcessEvent::Exited { pid, status, .. }) => {
                    if let Some(end) = self.ends.get_mut(&pid) {
                        *end = Some(status);
                    }
                }
                Ok(ProcessEvent::Started { .. }) | Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return,
            }
        }
    }

    /// Whether every process has ended, and what is known of that.
    fn account(&mut self) -> (bool, String) {
        self.follow();
        let ended = self.ends.values().flatten().count();
        let forced =
            self.ends.values().filter(|end| **end == Some(ProcessStatus::Signal(KILL))).count();
        let all = counted(self.ends.len(), "worker process");
        let sentence = match self.manner {
            Manner::AtOnce => format!("{forced} of {all} killed"),
            Manner::InOrder => {
                format!("{ended} of {all} ended, {} by themselves", ended - forced)
            }
        };
        (ended == self.ends.len(), sentence)
    }
}

impl Installed for Deleted {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let (all, sentence) = self.account();
        async move { all.then_some(sentence) }.boxed()
    }

    /// There is nothing to undo: other pods come in their place.
    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        if self.healed.is_none() {
            self.healed = Some(self.account().1);
        }
        let healed = self.healed.clone().unwrap_or_default();
        async move { Ok(healed) }.boxed()
    }
}
