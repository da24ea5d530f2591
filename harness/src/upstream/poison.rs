//! Messages that kill workers, and how many workers have died since.

use super::sent::{self, Sent};
use super::strays::Fate;
use super::{Upstream, sender};
use chaos::{Installed, Refusal};
use embedded_kube::{ProcessEvent, ProcessStatus};
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use rustix::process::Signal;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

const RATE_PER_S: u32 = 10;
/// One worker that ended may have ended by anything; that the next one does is the poison.
const DEATHS_MIN: u64 = 2;

pub(super) fn begin(
    upstream: &Arc<Upstream>,
    messages: u32,
    limit: Duration,
) -> Result<Box<dyn Installed>, Refusal> {
    let events = upstream.processes.resubscribe();
    let batch = sender::Batch {
        payload: sender::Payload::Poison,
        rate_per_s: RATE_PER_S,
        messages: u64::from(messages),
    };
    let sent = sent::begin(upstream, Fate::PutAside, batch, limit)?;
    Ok(Box::new(Poisoned { sent, deaths: Deaths { events, count: 0 } }))
}

struct Poisoned {
    sent: Sent,
    deaths: Deaths,
}

/// Counts the processes that end as the poison ends them: a worker does so by nothing else.
struct Deaths {
    events: Receiver<ProcessEvent>,
    count: u64,
}

impl Deaths {
    fn count(&mut self) -> u64 {
        let abort = ProcessStatus::Signal(Signal::ABORT.as_raw());
        loop {
            match self.events.try_recv() {
                Ok(ProcessEvent::Exited { status, .. }) if status == abort => self.count += 1,
                Ok(_) | Err(TryRecvError::Lagged(_)) => {}
                Err(TryRecvError::Empty | TryRecvError::Closed) => return self.count,
            }
        }
    }

    fn sentence(&mut self) -> String {
        format!("{} ended by SIGABRT", counted(self.count(), "worker process"))
    }
}

impl Installed for Poisoned {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let accepted = self.sent.account().accepted;
        let sentence = (accepted > 0 && self.deaths.count() >= DEATHS_MIN)
            .then(|| format!("{accepted} accepted by brokers; {}", self.deaths.sentence()));
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async move {
            let settled = self.sent.end().await?;
            Ok(format!("{settled}; {}", self.deaths.sentence()))
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use embedded_kube::OomKiller;
    use tokio::sync::broadcast;

    #[test]
    fn only_processes_that_end_as_by_poison_are_counted() {
        let (ends, events) = broadcast::channel(8);
        let exited = |status| ProcessEvent::Exited {
            node: "node-1".to_owned(),
            pod: "worker".to_owned(),
            pid: 7,
            group: 7,
            status,
        };
        let mut deaths = Deaths { events, count: 0 };
        assert_eq!(deaths.count(), 0);
        let (killed, aborted) = (Signal::KILL.as_raw(), Signal::ABORT.as_raw());
        for status in [
            ProcessStatus::Signal(killed),
            ProcessStatus::Signal(aborted),
            ProcessStatus::OutOfMemory(OomKiller::Kubelet),
            ProcessStatus::Code(aborted),
            ProcessStatus::Signal(aborted),
        ] {
            ends.send(exited(status)).unwrap();
        }
        assert_eq!(deaths.sentence(), "2 worker processes ended by SIGABRT");
        drop(ends);
        assert_eq!(deaths.sentence(), "2 worker processes ended by SIGABRT");
    }
}
