//! Nodes that are taken back, with a notice.

use super::{names, processes, refused};
use chaos::{Installed, Refusal};
use embedded_kube::NodeHandle;
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Tells the nodes that they go, and after `notice` they do.
pub(super) async fn interrupt(
    nodes: Vec<NodeHandle>,
    notice: Duration,
) -> Result<Box<dyn Installed>, Refusal> {
    let running = processes(&nodes);
    if let Err(error) = tell(&nodes, notice).await {
        return Err(refused(&error, withdraw(&nodes).await));
    }
    let spared = CancellationToken::new();
    let (end, killed) = watch::channel(None);
    let going = tokio::spawn(take_back(nodes.clone(), notice, spared.clone(), end));
    Ok(Box::new(Interrupted { nodes, running, spared, going: Some(going), killed }))
}

async fn tell(nodes: &[NodeHandle], notice: Duration) -> Result<(), kube::Error> {
    let time = humantime::format_duration(notice);
    for node in nodes {
        node.give_notice(format!("{} is taken back in {time}", node.name())).await?;
    }
    Ok(())
}

async fn withdraw(nodes: &[NodeHandle]) -> Result<(), kube::Error> {
    for node in nodes {
        node.withdraw_notice().await?;
    }
    Ok(())
}

/// Crashes the nodes when the notice is over and says how many processes that killed.
async fn take_back(
    nodes: Vec<NodeHandle>,
    notice: Duration,
    spared: CancellationToken,
    end: watch::Sender<Option<usize>>,
) {
    tokio::select! {
        () = spared.cancelled() => return,
        () = tokio::time::sleep(notice) => {}
    }
    let mut killed = 0;
    for node in &nodes {
        killed += node.crash().await.len();
    }
    end.send_replace(Some(killed));
}

struct Interrupted {
    nodes: Vec<NodeHandle>,
    /// Processes at the notice.
    running: usize,
    spared: CancellationToken,
    going: Option<JoinHandle<()>>,
    /// Processes that were still there when the nodes went, once they have.
    killed: watch::Receiver<Option<usize>>,
}

impl Interrupted {
    fn sentence(&self) -> Option<String> {
        let killed = (*self.killed.borrow())?;
        let running = counted(self.running, "worker process");
        Some(format!("{running} at the notice, {killed} at the end of it"))
    }
}

impl Installed for Interrupted {
    /// A node on which nothing ran proves nothing by going.
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let gone = self.running > 0 && processes(&self.nodes) == 0;
        let sentence = self.sentence().filter(|_| gone);
        let sentence = sentence.map(|account| format!("{account}, none is left"));
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async move {
            self.spared.cancel();
            if let Some(going) = &mut self.going {
                going.await.map_err(|error| error.to_string())?;
                self.going = None;
            }
            for node in &self.nodes {
                node.restart().await;
            }
            withdraw(&self.nodes).await.map_err(|error| error.to_string())?;
            let account = self.sentence().unwrap_or_else(|| "the notice was not over".to_owned());
            Ok(format!("pods may go to {} again; {account}", names(&self.nodes)))
        }
        .boxed()
    }
}
