//! A partition's copy is taken from one broker and given back: it is copied anew under load.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, Sole};
use crate::selector::TopicRole;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "partition_reassignment",
    description: "a follower's copy of a partition is given up, and later made anew under load",
    evidence: "the brokers that have copies, before and after",
    heal: "the partition is reassigned as it was, and every copy is in sync",
};

/// A partition is reassigned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartitionReassignment {
    /// Which of the trial's topics.
    pub topic: TopicRole,
    /// Partition number, from 0.
    pub partition: i32,
}

impl Definition for PartitionReassignment {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Partition(self.topic, self.partition)
    }

    fn check(&self, check: &mut Check<'_>) {
        check.partition(self.partition);
        if check.inventory.brokers.len() < 3 {
            let brokers = check.inventory.brokers.len();
            let message = format!("{brokers} brokers; a copy can be given up with 3 or more");
            check.problem("partition", message);
        }
    }

    fn sole(&self) -> Option<Sole> {
        let does = format!("reassigns {}/{}", self.topic.name(), self.partition);
        Some(Sole { does, field: Some("partition"), instead: Some("another partition") })
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { topic: lot.topic(), partition: lot.partition() })
    }
}
