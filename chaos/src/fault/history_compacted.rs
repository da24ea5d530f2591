//! The changes of the past are gone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot, Sole};
use crate::selector::API_SERVER;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "history_compacted",
    description: "the open watches of the operator and of users are cut, and none can go on from \
                  before the fault: they are answered with 410 and have to list anew",
    evidence: "how many watches were cut, and how many were told 410",
    heal: "the history is there again; how many watches were told 410 is counted",
};

/// Watches cannot go on from where they were.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HistoryCompacted {}

impl Definition for HistoryCompacted {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named(API_SERVER)
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("compacts the history"))
    }

    fn draw(_lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self {})
    }
}
