//! The job's workers get another template in the middle of the load.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot, Sole};

/// What only one fault at a time can do.
pub(super) const CHANGES_TEMPLATE: &str = "changes the workers' template";

pub(super) const KIND: FaultKind = FaultKind {
    kind: "rolling_upgrade",
    description: "the job's worker template changes, so that every worker is replaced in turn",
    evidence: "how many workers of the new template are ready",
    heal: "the template is as it was, so that every worker is replaced once more",
};

/// The workers are replaced in turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RollingUpgrade {}

impl Definition for RollingUpgrade {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named("workers")
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of(CHANGES_TEMPLATE))
    }

    fn draw(_lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self {})
    }
}
