//! A node is emptied in order, as before maintenance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "node_drain",
    description: "the node is cordoned and its pods are asked to leave by the eviction API, over \
                  and over while disruption budgets keep them",
    evidence: "how many pods the API server let go, and how many times a budget kept one",
    heal: "the node takes pods again; what has left stays where it is now",
};

/// Nodes are emptied in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeDrain {
    /// Which nodes.
    pub nodes: Selector,
}

impl Definition for NodeDrain {
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
