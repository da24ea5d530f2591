//! A node dies: every process on it is killed and its lease is no longer renewed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "node_crash",
    description: "every process of the node is killed at once and its lease stops",
    evidence: "the killed process ids are gone",
    heal: "the node returns empty and renews its lease; workers are started again",
};

/// Nodes die with all that runs on them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeCrash {
    /// Which nodes.
    pub nodes: Selector,
}

impl Definition for NodeCrash {
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
