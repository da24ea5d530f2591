//! A kubelet falls silent while its pods live on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "kubelet_silent",
    description: "the kubelet of the node stands still: no lease, no status, no starts and no \
                  ends; its processes live on",
    evidence: "the lease is older than it may get, and how many processes live",
    heal: "the kubelet goes on, and ends what was given up meanwhile",
};

/// Kubelets fall silent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KubeletSilent {
    /// Which nodes.
    pub nodes: Selector,
}

impl Definition for KubeletSilent {
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
