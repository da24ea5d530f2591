//! A cloud takes a node back, and says so shortly before.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "spot_interruption",
    description: "the node gets a taint and an event that it will go; after the notice it dies \
                  with all that is still on it",
    evidence: "how many processes ran when the notice was given, and that all are gone after it",
    heal: "a node of the same name returns empty and without the taint",
};

/// Nodes are taken back, with a notice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SpotInterruption {
    /// Which nodes.
    pub nodes: Selector,
    /// How long before it goes it is told, such as `10s`; less than the fault lasts. AWS gives two
    /// minutes.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub notice: Duration,
}

impl Definition for SpotInterruption {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Nodes(&self.nodes)
    }

    fn check(&self, check: &mut Check<'_>) {
        check.within_hold("notice", self.notice);
    }

    fn takes_down(&self) -> bool {
        true
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { nodes: lot.nodes()?, notice: lot.time_within(200..=5_000) })
    }
}
