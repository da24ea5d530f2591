//! Memory runs out on a node, and its largest container is killed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "oom_kill",
    description: "the process with the most memory on each node is killed as for want of memory, \
                  and its container is started again (reason OOMKilled, code 137)",
    evidence: "the processes ended for want of memory",
    heal: "there is nothing to undo: the kubelet starts the containers again",
};

/// The largest container of each node is killed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OomKill {
    /// Which nodes.
    pub nodes: Selector,
}

impl Definition for OomKill {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Nodes(&self.nodes)
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { nodes: lot.nodes()? })
    }
}
