//! Workers die again and again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, Workers};

pub(super) const KIND: FaultKind = FaultKind {
    kind: "crash_loop",
    description: "the processes of worker pods are killed whenever they have started, so that \
                  their pods wait longer and longer (CrashLoopBackOff)",
    evidence: "how many times processes were killed, at least one of them a second time",
    heal: "the next process lives; it may wait for its turn as long as the last wait was",
};

/// Workers die again and again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CrashLoop {
    /// Which workers.
    pub workers: Workers,
}

impl Definition for CrashLoop {
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
