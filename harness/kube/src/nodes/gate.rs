//! Freezing tasks, as a paused machine freezes everything on it.

use std::pin::pin;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Open, or closed to hold every task that runs behind it.
#[derive(Debug, Clone)]
pub(super) struct Gate {
    closed: watch::Sender<bool>,
}

impl Gate {
    /// An open gate.
    pub(super) fn open() -> Self {
        Self { closed: watch::Sender::new(false) }
    }

    /// Closes or opens the gate.
    pub(super) fn set_closed(&self, closed: bool) {
        self.closed.send_replace(closed);
    }

    /// Runs `task` while the gate is open and leaves it untouched while it is closed. Time goes on
    /// meanwhile, so that what was due is late afterwards. None when `cancel` comes first.
    pub(super) async fn run<F: Future>(
        &self,
        cancel: &CancellationToken,
        task: F,
    ) -> Option<F::Output> {
        let mut task = pin!(task);
        let mut gate = self.closed.subscribe();
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => return None,
                // The sender lives in `self`, so that this cannot fail.
                _ = gate.wait_for(|closed| !closed) => {}
            }
            tokio::select! {
                biased;
                () = cancel.cancelled() => return None,
                _ = gate.wait_for(|closed| *closed) => {}
                output = &mut task => return Some(output),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::*;

    const MOMENT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_task_stands_still_behind_a_closed_gate_and_ends_on_cancellation() {
        let gate = Gate::open();
        let cancel = CancellationToken::new();
        let count = Arc::new(AtomicU32::new(0));
        let task = {
            let (gate, cancel, count) = (gate.clone(), cancel.clone(), Arc::clone(&count));
            tokio::spawn(async move {
                let work = async {
                    loop {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        count.fetch_add(1, Ordering::Relaxed);
                    }
                };
                let output: Option<()> = gate.run(&cancel, work).await;
                output.is_none()
            })
        };
        tokio::time::sleep(MOMENT).await;
        gate.set_closed(true);
        let frozen = count.load(Ordering::Relaxed);
        assert!(frozen > 0);
        tokio::time::sleep(MOMENT).await;
        assert_eq!(count.load(Ordering::Relaxed), frozen);
        gate.set_closed(false);
        tokio::time::sleep(MOMENT).await;
        assert!(count.load(Ordering::Relaxed) > frozen);
        gate.set_closed(true);
        cancel.cancel();
        assert!(task.await.unwrap());
    }
}
