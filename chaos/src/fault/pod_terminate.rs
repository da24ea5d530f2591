//! Worker pods are deleted in order, as when a node is emptied or a job shrinks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, Workers};

pub(super) const KIND: FaultKind = FaultKind {
    kind: "pod_terminate",
    description: "worker pods are deleted with the grace period they ask for, and other pods come \
                  in their place",
    evidence: "how many processes ended by themselves and how many had to be killed",
    heal: "there is nothing to undo: other pods have come in their place",
};

/// Worker pods are asked to end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PodTerminate {
    /// Which workers.
    pub workers: Workers,
}

impl Definition for PodTerminate {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Workers(self.workers)
    }

    fn check(&self, check: &mut Check<'_>) {
        self.workers.check(check);
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { workers: lot.workers() })
    }
}
