//! A worker stands still: it neither works nor says anything, and its connections stay open.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, Sole, Workers};

pub(super) const KIND: FaultKind = FaultKind {
    kind: "worker_stuck",
    description: "the processes of worker pods are stopped where they are, so that they send no \
                  heartbeat",
    evidence: "the operating system reports the processes as stopped",
    heal: "the processes continue where they stopped",
};

/// Workers stand still.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkerStuck {
    /// Which workers.
    pub workers: Workers,
}

impl Definition for WorkerStuck {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Workers(self.workers)
    }

    fn check(&self, check: &mut Check<'_>) {
        self.workers.check(check);
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("stops workers"))
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { workers: lot.workers() })
    }
}
