//! A broker runs out of memory, and the kernel kills it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "broker_memory",
    description: "the broker's container may take less memory than it does: the kernel kills it",
    evidence: "the container ended, killed for its memory",
    heal: "it may take what it could before; the broker returns, catches up and rejoins",
};

/// Brokers run out of memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrokerMemory {
    /// Which brokers.
    pub brokers: Selector,
}

impl Definition for BrokerMemory {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Brokers(&self.brokers)
    }

    fn takes_down(&self) -> bool {
        true
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { brokers: lot.brokers()? })
    }
}
