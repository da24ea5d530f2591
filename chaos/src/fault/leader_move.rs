//! A partition gets another leader while the old one lives on as a follower.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, Sole};
use crate::selector::TopicRole;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "leader_move",
    description: "the leadership of a partition moves to another in-sync replica",
    evidence: "the leader is another broker and the leader epoch has grown",
    heal: "the leadership goes back to the broker that had it, if that one is in sync",
};

/// A partition gets another leader.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaderMove {
    /// Which of the trial's topics.
    pub topic: TopicRole,
    /// Partition number, from 0.
    pub partition: i32,
}

impl Definition for LeaderMove {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Partition(self.topic, self.partition)
    }

    fn check(&self, check: &mut Check<'_>) {
        check.partition(self.partition);
        if check.inventory.brokers.len() < 2 {
            let brokers = check.inventory.brokers.len();
            check.problem("partition", format!("no other broker to move to: there is {brokers}"));
        }
    }

    fn sole(&self) -> Option<Sole> {
        let does = format!("moves the leader of {}/{}", self.topic.name(), self.partition);
        Some(Sole { does, field: Some("partition"), instead: Some("another partition") })
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { topic: lot.topic(), partition: lot.partition() })
    }
}
