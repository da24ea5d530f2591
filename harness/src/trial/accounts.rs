//! The account of processes in the journal, so that `clean` finds what a killed run left.

use crate::clock;
use crate::environment::Processes;
use chaos::Journal;
use chaos::journal::JournalEntry;
use embedded_kube::ProcessEvent;
use std::collections::BTreeMap;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A running account; close it to write its last lines.
pub(super) struct Accounts {
    task: JoinHandle<()>,
    closing: CancellationToken,
}

/// Starts the account of an environment's processes.
pub(super) fn keep(processes: Processes, journal: &Journal) -> Accounts {
    let mut book = Book { journal: journal.clone(), open: BTreeMap::new(), operators: Vec::new() };
    let closing = CancellationToken::new();
    let Processes { operator, operators, pods } = processes;
    let closed = closing.clone();
    let task = tokio::spawn(async move {
        if let Some(pid) = operator {
            book.operator_started(pid).await;
        }
        book.follow(pods, operators, &closed).await;
        for pid in std::mem::take(&mut book.operators) {
            book.ended(pid).await;
        }
    });
    Accounts { task, closing }
}

impl Accounts {
    /// Takes in what is still to come and ends; call it after the environment has shut down.
    pub(super) async fn close(self) {
        self.closing.cancel();
        if let Err(error) = self.task.await {
            tracing::warn!(%error, "the account of processes ended early");
        }
    }
}

struct Book {
    journal: Journal,
    /// Start of each process that runs, by its id.
    open: BTreeMap<u32, u64>,
    /// Operators that were started, by their ids; faults end and start them.
    operators: Vec<u32>,
}

impl Book {
    async fn follow(
        &mut self,
        mut events: Receiver<ProcessEvent>,
        mut starts: Receiver<u32>,
        closed: &CancellationToken,
    ) {
        loop {
            let event = tokio::select! {
                biased;
                event = events.recv() => event,
                Ok(pid) = starts.recv() => {
                    self.operator_started(pid).await;
                    continue;
                }
                () = closed.cancelled() => break,
            };
            match event {
                Ok(ProcessEvent::Started { pod, node, pid, group, .. }) => {
                    self.started(pid, group, format!("{node}/{pod}")).await;
                }
                Ok(ProcessEvent::Exited { pid, .. }) => self.ended(pid).await,
                Err(RecvError::Lagged(missed)) => {
                    tracing::warn!(missed, "process events were missed");
                }
                Err(RecvError::Closed) => break,
            }
        }
    }

    async fn operator_started(&mut self, pid: u32) {
        self.operators.push(pid);
        self.started(pid, pid, "operator".to_owned()).await;
    }

    async fn started(&mut self, pid: u32, group: u32, what: String) {
        // A process that has ended already needs no entry.
        let Some(start_ticks) = clock::start_ticks(pid) else { return };
        self.open.insert(pid, start_ticks);
        self.write(JournalEntry::ProcessStarted { pid, group, start_ticks, what }).await;
    }

    async fn ended(&mut self, pid: u32) {
        if let Some(start_ticks) = self.open.remove(&pid) {
            self.write(JournalEntry::ProcessEnded { pid, start_ticks }).await;
        }
    }

    /// Appending waits for the disk, so it is done on a thread that may wait.
    async fn write(&self, entry: JournalEntry) {
        let journal = self.journal.clone();
        let written = tokio::task::spawn_blocking(move || journal.append(entry)).await;
        if let Ok(Err(error)) = written {
            tracing::warn!(%error, "a process is not in the journal");
        }
    }
}
