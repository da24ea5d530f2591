//! Watches fall silent without being told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot, Sole};
use crate::selector::API_SERVER;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "watch_stall",
    description: "the open watches of the operator and of users stay open and nothing comes any \
                  more, neither changes nor bookmarks nor their end; new watches work",
    evidence: "how many watches are silent, and how many events they lack",
    heal: "the watches that are still open get what they lack",
};

/// Open watches fall silent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchStall {}

impl Definition for WatchStall {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named(API_SERVER)
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("stalls watches"))
    }

    fn draw(_lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self {})
    }
}
