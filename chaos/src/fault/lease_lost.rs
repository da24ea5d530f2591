//! The operator loses its lease.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot, Sole};
use crate::selector::OPERATOR;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "lease_lost",
    description: "somebody else holds the operator's lease and does nothing with it: the operator \
                  stops until it gets the lease back",
    evidence: "the lease is somebody else's, and the operator says that it leads no more",
    heal: "the lease is free, and the operator may take it",
};

/// The operator loses its lease to somebody who does nothing with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaseLost {}

impl Definition for LeaseLost {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named(OPERATOR)
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("takes the operator's lease"))
    }

    fn draw(_lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self {})
    }
}
