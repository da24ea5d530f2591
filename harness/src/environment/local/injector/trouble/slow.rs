//! Nodes whose processes have only a share of the time.

use chaos::Installed;
use embedded_kube::{NodeHandle, Slowness};
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use std::time::Duration;

/// Time of processes after which the stopped share of it says something.
const ENOUGH: Duration = Duration::from_millis(500);

/// Lets processes on the nodes run for the share `cpu` of the time, for `limit` at most.
pub(super) fn slow_down(nodes: Vec<NodeHandle>, cpu: f64, limit: Duration) -> Box<dyn Installed> {
    let stopped = 1.0 - cpu;
    let slow = |node: NodeHandle| (node.name().to_owned(), node.slow_down(stopped, limit));
    Box::new(Slow { stopped, nodes: nodes.into_iter().map(slow).collect() })
}

struct Slow {
    /// The share of the time in which processes are to stand still.
    stopped: f64,
    nodes: Vec<(String, Slowness)>,
}

impl Slow {
    /// What was measured; nothing where it is less than half of what it should be.
    fn sentence(&self) -> Option<String> {
        let measured = self.nodes.iter().map(|(node, slowness)| (node, slowness.time()));
        let landed =
            measured.filter(|(_, time)| time.all >= ENOUGH && time.share() >= self.stopped / 2.0);
        let each: Vec<String> = landed
            .map(|(node, time)| {
                let (share, all) = (time.share() * 100.0, time.all.as_secs_f64());
                format!("processes on {node} were stopped for {share:.0} % of their {all:.1} s")
            })
            .collect();
        Some(each.join(", ")).filter(|sentence| !sentence.is_empty())
    }
}

impl Installed for Slow {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async move {
            join_all(self.nodes.iter_mut().map(|(_, slowness)| slowness.end())).await;
            let measured = self.sentence();
            let measured = measured.unwrap_or_else(|| "no process was stopped for long".to_owned());
            Ok(format!("{measured}; they run all the time again"))
        }
        .boxed()
    }
}
