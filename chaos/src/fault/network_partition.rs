//! Two groups cannot reach each other: bytes are held back, none is lost, connections stay open.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot, is_server};
use crate::proxy::Direction;
use crate::selector::Group;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "network_partition",
    description: "bytes between two groups are held back, one way or both ways",
    evidence: "bytes held back by the proxy, on how many connections, and when the first was",
    heal: "held bytes are delivered in order and connections go on",
};

/// Bytes between two groups are held back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkPartition {
    /// The two groups: nodes or the operator and brokers, or the operator and the API server.
    pub between: (Group, Group),
    /// Which way is blocked.
    #[serde(default)]
    pub direction: PairDirection,
}

/// A direction between the first and the second group of a pair.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PairDirection {
    /// Both ways.
    #[default]
    Both,
    /// From the first group to the second.
    ToSecond,
    /// From the second group to the first.
    ToFirst,
}

impl NetworkPartition {
    /// Which way is blocked, as the proxies between clients and servers see it.
    pub fn proxied(&self) -> Direction {
        match (self.direction, is_server(&self.between.0)) {
            (PairDirection::Both, _) => Direction::Both,
            (PairDirection::ToFirst, true) | (PairDirection::ToSecond, false) => {
                Direction::ToServer
            }
            (PairDirection::ToFirst, false) | (PairDirection::ToSecond, true) => {
                Direction::ToClient
            }
        }
    }
}

impl Definition for NetworkPartition {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Between(&self.between)
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        use PairDirection::*;
        let direction = lot.one_of(&[Both, Both, ToFirst, ToSecond])?;
        Some(Self { between: lot.between()?, direction })
    }
}
