//! A broker freezes: its connections stay open, and nobody answers on them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "broker_pause",
    description: "the broker's processes freeze: connections stay open, nothing is answered, and \
                  its session with the controller runs out",
    evidence: "the broker is frozen, and does not answer",
    heal: "its processes go on, and it belongs to the cluster again",
};

/// Brokers freeze and later go on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrokerPause {
    /// Which brokers.
    pub brokers: Selector,
}

impl Definition for BrokerPause {
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
