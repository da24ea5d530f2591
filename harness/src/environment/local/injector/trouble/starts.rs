//! Nodes on which containers start late, or not at all.

use chaos::Installed;
use embedded_kube::NodeHandle;
use futures::FutureExt;
use futures::future::BoxFuture;
use results::report::format::counted;
use std::time::Duration;

/// What becomes of starts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Hindrance {
    /// There is no image to start from.
    NoImages,
    /// They are so much later.
    Late(Duration),
}

/// Hinders containers from starting on the nodes.
pub(super) fn hinder(nodes: Vec<NodeHandle>, hindrance: Hindrance) -> Box<dyn Installed> {
    let before = nodes.iter().map(|node| hindrance.met(node)).sum();
    let hindered = Hindered { nodes, hindrance, before, healed: None };
    hindered.set(true);
    Box::new(hindered)
}

impl Hindrance {
    /// How many starts the node hindered so far.
    fn met(self, node: &NodeHandle) -> u64 {
        let met = node.start_troubles();
        match self {
            Self::NoImages => met.refused,
            Self::Late(_) => met.late,
        }
    }
}

struct Hindered {
    nodes: Vec<NodeHandle>,
    hindrance: Hindrance,
    /// What the nodes had hindered before.
    before: u64,
    healed: Option<String>,
}

impl Hindered {
    fn set(&self, hindered: bool) {
        for node in &self.nodes {
            match self.hindrance {
                Hindrance::NoImages => node.set_without_images(hindered),
                Hindrance::Late(delay) => {
                    node.set_start_delay(if hindered { delay } else { Duration::ZERO });
                }
            }
        }
    }

    fn sentence(&self) -> Option<String> {
        let met: u64 = self.nodes.iter().map(|node| self.hindrance.met(node)).sum();
        let count = met.saturating_sub(self.before);
        let starts = counted(count, "start");
        (count > 0).then(|| match self.hindrance {
            Hindrance::NoImages => format!("{starts} refused for want of the image"),
            Hindrance::Late(delay) => {
                format!("{starts} late by up to {}", humantime::format_duration(delay))
            }
        })
    }
}

impl Installed for Hindered {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        let sentence = self.sentence();
        async move { sentence }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        self.set(false);
        // Starts that were let go just now are counted a little later.
        if self.healed.is_none() {
            let account = self.sentence().unwrap_or_else(|| "nothing was to start".to_owned());
            self.healed = Some(format!("containers start as before; {account}"));
        }
        let healed = self.healed.clone().unwrap_or_default();
        async move { Ok(healed) }.boxed()
    }
}
