//! Nodes that boot.

use super::processes;
use crate::clock::Anchor;
use chaos::Installed;
use embedded_kube::NodeHandle;
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Kills everything on the nodes; after `downtime` they are back.
pub(super) async fn reboot(nodes: Vec<NodeHandle>, downtime: Duration) -> Box<dyn Installed> {
    let mut killed = 0;
    for node in &nodes {
        killed += node.crash().await.len();
    }
    let left = processes(&nodes);
    let early = CancellationToken::new();
    let booting = tokio::spawn(boot(nodes, downtime, early.clone()));
    Box::new(Rebooting { killed, left, downtime, early, booting, away: None })
}

/// Brings the nodes back after `downtime`, or early. Gives how long they were away.
async fn boot(nodes: Vec<NodeHandle>, downtime: Duration, early: CancellationToken) -> Duration {
    let down = Anchor::now();
    tokio::select! {
        () = early.cancelled() => {}
        () = tokio::time::sleep(downtime) => {}
    }
    for node in &nodes {
        node.restart().await;
    }
    down.elapsed()
}

struct Rebooting {
    killed: usize,
    /// Processes that were still there after that.
    left: usize,
    downtime: Duration,
    early: CancellationToken,
    booting: JoinHandle<Duration>,
    away: Option<Duration>,
}

impl Installed for Rebooting {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = (self.killed > 0 && self.left == 0).then(|| {
            let downtime = humantime::format_duration(self.downtime);
            let killed = counted(self.killed, "worker process");
            format!("{killed} killed, none left; back in {downtime}")
        });
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async move {
            self.early.cancel();
            let away = match self.away {
                Some(away) => away,
                None => (&mut self.booting).await.map_err(|error| error.to_string())?,
            };
            self.away = Some(away);
            Ok(format!("back after {:.1} s", away.as_secs_f64()))
        }
        .boxed()
    }
}
