//! A node runs short of disk and evicts its pods one by one.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "disk_pressure",
    description: "the node has the condition DiskPressure and the taint for it, and its kubelet \
                  evicts one pod after the other, those with the most memory first",
    evidence: "the condition, and how many processes were evicted",
    heal: "the condition and the taint are gone; what was evicted runs elsewhere",
};

/// Nodes run short of disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiskPressure {
    /// Which nodes.
    pub nodes: Selector,
}

impl Definition for DiskPressure {
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
