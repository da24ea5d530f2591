//! Followers copy nothing, until leaders are in sync with too few.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "under_replicated",
    description: "the brokers' followers copy nothing, until fewer are in sync than \
                  min.insync.replicas asks for: acks=all is refused, acks=1 is still accepted",
    evidence: "partitions with too few replicas in sync, and what was refused or accepted then",
    heal: "followers copy again, and as many are in sync as are asked for",
};

/// The followers on these brokers copy nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnderReplicated {
    /// On which brokers. With a replication factor of 3 a partition falls below 2 in sync when
    /// both of its followers are among them.
    pub brokers: Selector,
}

impl Definition for UnderReplicated {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Brokers(&self.brokers)
    }

    fn draw(_lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { brokers: Selector::All })
    }
}
