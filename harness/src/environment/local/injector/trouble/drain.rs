//! Nodes that are emptied in order.

use super::{names, refused};
use crate::clock::Anchor;
use chaos::{Installed, Refusal};
use embedded_kube::NodeHandle;
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// Wait between two rounds over the pods. `kubectl drain` waits five seconds after a refusal.
const ROUND: Duration = Duration::from_millis(200);

/// Keeps new pods away from the nodes and asks those there to leave until all have.
pub(super) async fn drain(nodes: Vec<NodeHandle>) -> Result<Box<dyn Installed>, Refusal> {
    if let Err(error) = set_cordoned(&nodes, true).await {
        return Err(refused(&error, set_cordoned(&nodes, false).await));
    }
    let (progress, account) = watch::channel(Account::default());
    let emptying = AbortOnDropHandle::new(tokio::spawn(empty(nodes.clone(), progress)));
    Ok(Box::new(Draining { nodes, emptying: Some(emptying), account }))
}

async fn set_cordoned(nodes: &[NodeHandle], cordoned: bool) -> Result<(), kube::Error> {
    for node in nodes {
        node.set_cordoned(cordoned).await?;
    }
    Ok(())
}

#[derive(Default)]
struct Account {
    evicted: u64,
    refused: u64,
    /// How long it took until no pod was left.
    emptied: Option<Duration>,
}

async fn empty(nodes: Vec<NodeHandle>, progress: watch::Sender<Account>) {
    let begun = Anchor::now();
    loop {
        let mut is_empty = true;
        for node in &nodes {
            match node.evict_pods().await {
                Ok(round) => {
                    is_empty &= round.evicted + round.refused + round.leaving == 0;
                    progress.send_modify(|account| {
                        account.evicted += round.evicted;
                        account.refused += round.refused;
                    });
                }
                Err(error) => {
                    is_empty = false;
                    tracing::debug!(node = node.name(), %error, "its pods were not asked to leave");
                }
            }
        }
        if is_empty {
            progress.send_modify(|account| account.emptied = Some(begun.elapsed()));
            return;
        }
        tokio::time::sleep(ROUND).await;
    }
}

struct Draining {
    nodes: Vec<NodeHandle>,
    emptying: Option<AbortOnDropHandle<()>>,
    account: watch::Receiver<Account>,
}

impl Draining {
    fn sentence(&self) -> String {
        let account = self.account.borrow();
        let end = match account.emptied {
            Some(time) => format!("empty after {:.1} s", time.as_secs_f64()),
            None => "not empty".to_owned(),
        };
        format!(
            "{} evicted, {} refused by disruption budgets, {end}",
            counted(account.evicted, "pod"),
            counted(account.refused, "eviction")
        )
    }
}

impl Installed for Draining {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let evicted = self.account.borrow().evicted > 0;
        let sentence = evicted.then(|| format!("{}: {}", names(&self.nodes), self.sentence()));
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async move {
            if let Some(emptying) = self.emptying.take() {
                emptying.abort();
                let _ = emptying.await;
            }
            set_cordoned(&self.nodes, false).await.map_err(|error| error.to_string())?;
            Ok(format!("pods may go to {} again; {}", names(&self.nodes), self.sentence()))
        }
        .boxed()
    }
}
