//! A broker dies: its connections are cut and its partitions wait for an election.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "broker_crash",
    description: "the broker's connections are cut and the partitions it led elect new leaders",
    evidence: "the broker is down; connections cut and leaderships lost are counted",
    heal: "the broker returns, catches up and rejoins the in-sync replicas",
};

/// Brokers die and later return.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrokerCrash {
    /// Which brokers.
    pub brokers: Selector,
}

impl Definition for BrokerCrash {
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
