//! Crashing and pausing emulated nodes.

use chaos::{Installed, Refusal};
use embedded_kube::{EmbeddedKube, NodeHandle};
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;

/// Kills everything on the nodes and silences them.
pub(in crate::environment) async fn crash(
    kube: &EmbeddedKube,
    names: &[String],
) -> Result<Box<dyn Installed>, Refusal> {
    let nodes = handles(kube, names)?;
    let mut killed = Vec::new();
    for node in &nodes {
        killed.extend(node.crash().await);
    }
    Ok(Box::new(Crashed { nodes, killed }))
}

/// Stops everything on the nodes where it is.
pub(in crate::environment) async fn pause(
    kube: &EmbeddedKube,
    names: &[String],
) -> Result<Box<dyn Installed>, Refusal> {
    let nodes = handles(kube, names)?;
    let mut stopped = Vec::new();
    for node in &nodes {
        stopped.extend(node.pause().await);
    }
    Ok(Box::new(Paused { nodes, stopped }))
}

/// The nodes with these names.
pub(super) fn handles(kube: &EmbeddedKube, names: &[String]) -> Result<Vec<NodeHandle>, Refusal> {
    let handle = |name: &String| {
        kube.node(name).ok_or_else(|| Refusal::Failed(format!("there is no node {name}")))
    };
    names.iter().map(handle).collect()
}

struct Crashed {
    nodes: Vec<NodeHandle>,
    killed: Vec<u32>,
}

impl Installed for Crashed {
    /// A node on which nothing ran proves nothing by its crash, so at least one process must die.
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let left: usize = self.nodes.iter().map(|node| node.processes().len()).sum();
        let sentence = (left == 0 && !self.killed.is_empty()).then(|| {
            format!(
                "{} killed, none left, lease silent",
                counted(self.killed.len(), "worker process")
            )
        });
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async move {
            for node in &self.nodes {
                node.restart().await;
            }
            Ok(format!("{} back, leases renewed", counted(self.nodes.len(), "node")))
        }
        .boxed()
    }
}

struct Paused {
    nodes: Vec<NodeHandle>,
    stopped: Vec<u32>,
}

impl Paused {
    fn sentence(&self) -> Option<String> {
        let states: Vec<_> = self.nodes.iter().filter_map(NodeHandle::states).flatten().collect();
        let stopped = !states.is_empty() && states.iter().all(|(_, state)| *state == 'T');
        stopped.then(|| {
            format!("{} in state T (stopped), lease silent", counted(states.len(), "process"))
        })
    }
}

impl Installed for Paused {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async move {
            for node in &self.nodes {
                node.resume().await;
            }
            Ok(format!("{} continued", counted(self.stopped.len(), "process")))
        }
        .boxed()
    }
}
