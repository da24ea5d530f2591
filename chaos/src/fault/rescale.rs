//! The job is scaled by hand, past its strategy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Sole};

pub(super) const KIND: FaultKind = FaultKind {
    kind: "rescale",
    description: "the job is scaled by hand to a number of workers, which overrides its strategy",
    evidence: "from how many workers to how many: as many are ready, and share the partitions",
    heal: "the override is gone: the strategy decides again",
};

/// The job is scaled by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rescale {
    /// The number of workers, within the job's bounds.
    pub replicas: u32,
}

impl Definition for Rescale {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named("job")
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("scales the job"))
    }
}
