//! The operator dies.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot, Sole};
use crate::selector::OPERATOR;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "operator_kill",
    description: "the process of the operator is killed wherever it is, and nobody allocates workers",
    evidence: "the process is gone, and no operator runs",
    heal: "another process of the operator is started, without any memory",
};

/// The operator dies, and is started again when the fault ends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperatorKill {}

impl Definition for OperatorKill {
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
