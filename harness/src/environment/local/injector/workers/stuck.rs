//! Workers that stand still.

use super::Worker;
use chaos::Installed;
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;

/// Stops the processes of workers where they are.
pub(super) fn hold(workers: Vec<Worker>) -> Box<dyn Installed> {
    let stuck = Stuck { workers };
    stuck.set_held(true);
    Box::new(stuck)
}

struct Stuck {
    workers: Vec<Worker>,
}

impl Stuck {
    fn set_held(&self, held: bool) {
        for worker in &self.workers {
            worker.node.hold(worker.pid, held);
        }
    }

    /// What the operating system says, if all of them are stopped.
    fn sentence(&self) -> Option<String> {
        let is_stopped = |worker: &Worker| {
            let states = worker.node.states().unwrap_or_default();
            states.iter().any(|(pid, state)| *pid == worker.pid && *state == 'T')
        };
        let each = self.workers.iter().map(|worker| format!("{} of {}", worker.pid, worker.pod));
        let all = self.workers.iter().all(is_stopped);
        all.then(|| format!("in state T (stopped): {}", each.collect::<Vec<_>>().join(", ")))
    }
}

impl Installed for Stuck {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        self.set_held(false);
        let continued = counted(self.workers.len(), "process");
        async move { Ok(format!("{continued} continued")) }.boxed()
    }
}
