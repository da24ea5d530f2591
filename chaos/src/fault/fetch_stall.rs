//! A broker lets workers wait for what they want to read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot, Sole};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "fetch_stall",
    description: "workers' fetch requests are not answered, while what they write and their groups \
                  are served; so is whoever else reads",
    evidence: "how many fetch requests of workers each broker has held back",
    heal: "the requests held back are answered, and later ones do not wait",
};

/// Brokers hold back what workers want to read. The harness's own readers do not wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FetchStall {
    /// Which brokers.
    pub brokers: Selector,
}

impl Definition for FetchStall {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Brokers(&self.brokers)
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("lets fetch requests wait"))
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { brokers: lot.brokers()? })
    }
}
