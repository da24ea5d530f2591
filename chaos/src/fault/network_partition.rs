//! Two groups cannot reach each other: bytes are held back, none is lost, connections stay open.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Check, Claim, Definition, Draw, FaultKind, leader_of_pair};
use crate::injector::Action;
use crate::proxy::Direction;
use crate::selector::{Group, TopicRole};

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
    /// The two groups: one of brokers, and one of nodes or the operator.
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

impl PairDirection {
    fn of_proxy(self, brokers_first: bool) -> Direction {
        match (self, brokers_first) {
            (Self::Both, _) => Direction::Both,
            (Self::ToFirst, true) | (Self::ToSecond, false) => Direction::ToBroker,
            (Self::ToFirst, false) | (Self::ToSecond, true) => Direction::ToClient,
        }
    }
}

impl Definition for NetworkPartition {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn check(&self, check: &mut Check<'_>) {
        check.pair("between", &self.between);
    }

    fn claim(&self) -> Option<Claim<'_>> {
        None
    }

    fn leader(&self) -> Option<(TopicRole, i32)> {
        leader_of_pair(&self.between)
    }

    fn action(&self, draw: &mut Draw<'_>) -> Action {
        let ends = draw.ends(&self.between);
        Action::NetworkPartition {
            clients: ends.clients,
            brokers: ends.brokers,
            direction: self.direction.of_proxy(ends.brokers_first),
        }
    }
}
