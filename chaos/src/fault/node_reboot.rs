//! A node boots: everything on it dies, and after a while it is back by itself.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "node_reboot",
    description: "every process of the node is killed at once, and the node is back after a while \
                  by itself",
    evidence: "the killed process ids are gone",
    heal: "the node is back, if it was not yet; how long it was away is measured",
};

/// Nodes boot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NodeReboot {
    /// Which nodes.
    pub nodes: Selector,
    /// How long it is away, such as `3s`; less than the fault lasts.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub downtime: Duration,
}

impl Definition for NodeReboot {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Nodes(&self.nodes)
    }

    fn check(&self, check: &mut Check<'_>) {
        check.within_hold("downtime", self.downtime);
    }

    fn takes_down(&self) -> bool {
        true
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { nodes: lot.nodes()?, downtime: lot.time_within(500..=5_000) })
    }
}
