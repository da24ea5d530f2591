//! The source topic gets more partitions while it is written and read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, Sole};

/// No scenario has more partitions than it may begin with.
const ADD_MAX: u32 = 1024;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "partition_increase",
    description: "the source topic gets more partitions: keys move to others",
    evidence: "the new partitions hold records, and workers have committed records of them",
    heal: "none: the partitions stay, as Kafka takes none away; every one has an owner",
};

/// The source topic gets more partitions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartitionIncrease {
    /// How many more.
    pub add: u32,
}

impl Definition for PartitionIncrease {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named("source topic")
    }

    fn check(&self, check: &mut Check<'_>) {
        if !(1..=ADD_MAX).contains(&self.add) {
            check.problem("add", format!("{} more; allowed: 1 to {ADD_MAX}", self.add));
        }
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("adds partitions"))
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { add: u32::try_from(lot.number(1..=4)).ok()? })
    }
}
