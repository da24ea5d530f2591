//! The coordinator of the job's group moves to another broker, while the old one lives on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, Sole};

pub(super) const KIND: FaultKind = FaultKind {
    kind: "coordinator_move",
    description: "another broker coordinates the job's group: another replica leads the group's \
                  partition of the internal topic",
    evidence: "the coordinator is another broker and the epoch of that leadership has grown",
    heal: "the broker that coordinated before does so again, if it is in sync",
};

/// The job's group gets another coordinator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CoordinatorMove {}

impl Definition for CoordinatorMove {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named("group coordinator")
    }

    fn check(&self, check: &mut Check<'_>) {
        if check.inventory.brokers.len() < 2 {
            let brokers = check.inventory.brokers.len();
            let path = check.path.clone();
            check.problem_at(path, format!("no other broker to move to: there is {brokers}"));
        }
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("moves the group's coordinator"))
    }

    fn draw(_lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self {})
    }
}
