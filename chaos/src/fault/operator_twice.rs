//! Two operators at once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot, Sole};
use crate::selector::OPERATOR;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "operator_twice",
    description: "a second operator serves the same jobs without asking for the lease",
    evidence: "both processes run, and how many passes over jobs the second has made",
    heal: "the second operator is stopped",
};

/// A second operator serves the same jobs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperatorTwice {}

impl Definition for OperatorTwice {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named(OPERATOR)
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("starts or ends operators"))
    }

    fn draw(_lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self {})
    }
}
