//! A node freezes: its processes are stopped where they are, and later go on as if nothing was.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "node_pause",
    description: "every process of the node is stopped where it is, and its lease is not renewed",
    evidence: "the operating system reports the processes as stopped",
    heal: "the processes continue where they stopped, with the memory and connections they had",
};

/// Nodes freeze and later go on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodePause {
    /// Which nodes.
    pub nodes: Selector,
}

impl Definition for NodePause {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Nodes(&self.nodes)
    }

    fn takes_down(&self) -> bool {
        true
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { nodes: lot.nodes()? })
    }
}
