//! Containers start late, as when their image has to be pulled first.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, Sole};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "slow_start",
    description: "containers that are to start on the node start late",
    evidence: "how many containers started late",
    heal: "containers start at once, those that wait too",
};

/// Containers start late.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SlowStart {
    /// Which nodes.
    pub nodes: Selector,
    /// How much later, such as `5s`; less than the fault lasts.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub delay: Duration,
}

impl Definition for SlowStart {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Nodes(&self.nodes)
    }

    fn check(&self, check: &mut Check<'_>) {
        check.within_hold("delay", self.delay);
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("delays starts"))
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { nodes: lot.nodes()?, delay: lot.time_within(200..=5_000) })
    }
}
