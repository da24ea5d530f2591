//! Images cannot be pulled, so that no container starts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot, Sole};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "image_failure",
    description: "containers that are to start on the node wait with ErrImagePull; those that run \
                  go on",
    evidence: "how many starts were refused",
    heal: "containers start again, those that were refused at their next attempt",
};

/// No container starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageFailure {
    /// Which nodes.
    pub nodes: Selector,
}

impl Definition for ImageFailure {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Nodes(&self.nodes)
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("takes images away"))
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { nodes: lot.nodes()? })
    }
}
