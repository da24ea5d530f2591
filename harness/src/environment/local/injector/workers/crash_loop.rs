//! Workers that die whenever they have started.

use super::{Worker, nodes};
use chaos::Installed;
use embedded_kube::{EmbeddedKube, NodeHandle};
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// How often new processes are looked for: no worker lives for longer.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How many times the process of each pod was killed.
type Deaths = BTreeMap<String, u64>;

/// Kills the processes of workers' pods over and over.
pub(super) fn crash(kube: &EmbeddedKube, workers: &[Worker]) -> Box<dyn Installed> {
    let pods = workers.iter().map(|worker| worker.pod.clone()).collect();
    let (count, deaths) = watch::channel(Deaths::new());
    let killing = tokio::spawn(kill_all(nodes(kube), pods, count));
    Box::new(Crashing { killing: Some(AbortOnDropHandle::new(killing)), deaths })
}

async fn kill_all(nodes: Vec<NodeHandle>, pods: BTreeSet<String>, count: watch::Sender<Deaths>) {
    let mut killed = BTreeSet::new();
    loop {
        let mut seen = BTreeSet::new();
        for node in &nodes {
            for process in node.processes().into_iter().filter(|it| pods.contains(&it.pod)) {
                seen.insert(process.pid);
                // A killed process is listed until it is reaped.
                if !killed.contains(&process.pid) && node.kill(process.pid) {
                    count.send_modify(|deaths| *deaths.entry(process.pod).or_default() += 1);
                }
            }
        }
        killed = seen;
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

struct Crashing {
    killing: Option<AbortOnDropHandle<()>>,
    deaths: watch::Receiver<Deaths>,
}

impl Crashing {
    fn sentence(&self) -> String {
        let deaths = self.deaths.borrow();
        let each =
            deaths.iter().map(|(pod, count)| format!("{pod} killed {}", counted(count, "time")));
        each.collect::<Vec<_>>().join(", ")
    }
}

impl Installed for Crashing {
    /// One death is no loop: some worker must have been started again.
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let loops = self.deaths.borrow().values().any(|count| *count > 1);
        let sentence = loops.then(|| self.sentence());
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async move {
            if let Some(killing) = self.killing.take() {
                killing.abort();
                let _ = killing.await;
            }
            Ok(format!("workers may live; {}", self.sentence()))
        }
        .boxed()
    }
}
