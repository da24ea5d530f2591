//! A broker is stopped in order: it hands its leaderships over before it goes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "broker_shutdown",
    description: "the broker hands its leaderships over, flushes its logs and stops",
    evidence: "it leads nothing; the leaderships it had and the connections cut are counted",
    heal: "the broker returns, catches up and rejoins the in-sync replicas",
};

/// Brokers are stopped in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrokerShutdown {
    /// Which brokers.
    pub brokers: Selector,
}

impl Definition for BrokerShutdown {
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
