//! A broker is cut off from one side: from the other brokers, or from all clients.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "broker_isolation",
    description: "the broker is cut off from its peers but not from clients, or the reverse",
    evidence: "from peers: two brokers lead a partition, at two leader epochs, or it fell out of \
               sync; from clients: it leads, and has no connection",
    heal: "it hears from the others again: a deposed leader cuts off what it alone has",
};

/// Brokers are cut off from one side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrokerIsolation {
    /// Which brokers.
    pub brokers: Selector,
    /// From whom.
    pub from: Side,
}

/// A side of a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// The other brokers and the controller. Clients still reach it: a leader goes on with what it
    /// knew, and acknowledges what will be lost (`acks: leader`) or cannot acknowledge.
    Peers,
    /// All clients. It stays leader and in sync.
    Clients,
}

impl Definition for BrokerIsolation {
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
        let from = lot.one_of(&[Side::Peers, Side::Clients])?;
        Some(Self { brokers: lot.brokers()?, from })
    }
}
