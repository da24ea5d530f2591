//! A broker loses its power: it dies, and what its logs had not yet flushed dies with it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "broker_power_loss",
    description: "the broker dies and what its logs had not flushed to disk is gone",
    evidence: "the broker is down; the records gone from its logs, connections cut and leaderships lost are counted",
    heal: "the broker returns with what was flushed, and copies the rest from the leaders",
};

/// Brokers die with what was only in their page cache.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrokerPowerLoss {
    /// Which brokers.
    pub brokers: Selector,
}

impl Definition for BrokerPowerLoss {
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
