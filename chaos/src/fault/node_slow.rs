//! A node gets slow: its processes stand still for a part of the time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, Sole};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "node_slow",
    description: "the processes of the node are stopped and continued over and over, so that they \
                  have only a share of the time; the kubelet goes on",
    evidence: "the share of their time in which the operating system showed them as stopped",
    heal: "the processes run all the time; the share is measured once more",
};

/// Nodes get slow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeSlow {
    /// Which nodes.
    pub nodes: Selector,
    /// The share of the time in which processes may run, above 0 and below 1.
    pub cpu: f64,
}

impl Definition for NodeSlow {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Nodes(&self.nodes)
    }

    fn check(&self, check: &mut Check<'_>) {
        let cpu = self.cpu;
        if !(cpu > 0.0 && cpu < 1.0) {
            check.problem("cpu", format!("share {cpu} of the time; allowed: above 0 and below 1"));
        }
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("slows nodes"))
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { nodes: lot.nodes()?, cpu: lot.share() * 0.5 })
    }
}
