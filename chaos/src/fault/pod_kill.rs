//! Worker pods are deleted without a grace period.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, Workers};

pub(super) const KIND: FaultKind = FaultKind {
    kind: "pod_kill",
    description: "worker pods are deleted with no grace period: their processes are killed and \
                  other pods come in their place",
    evidence: "the processes of the pods are gone",
    heal: "there is nothing to undo: other pods have come in their place",
};

/// Worker pods are killed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PodKill {
    /// Which workers.
    pub workers: Workers,
}

impl Definition for PodKill {
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
