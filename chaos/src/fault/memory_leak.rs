//! The job's workers get a release that leaks memory.

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rolling_upgrade::CHANGES_TEMPLATE;
use super::{Aim, Check, Definition, FaultKind, Sole};

/// What the reference worker can be told to leak.
const BYTES_PER_RECORD: RangeInclusive<u32> = 1..=1 << 20;
/// Below it no worker could start, and above it a few workers would take a machine's memory.
const LIMIT_MIB: RangeInclusive<u32> = 32..=1024;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "memory_leak",
    description: "the job's workers are replaced in turn by some that keep memory for each \
                  record, and that are killed at a limit (reason OOMKilled, code 137); reference \
                  worker only",
    evidence: "how many workers were killed at their limit",
    heal: "the template is as it was, so that every worker is replaced once more",
};

/// Workers take more and more memory until their limit kills them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MemoryLeak {
    /// Bytes of memory that each record takes and never gives back, from 1 to 1048576.
    pub bytes_per_record: u32,
    /// What a worker may have in all, in MiB, from 32 to 1024.
    pub limit_mib: u32,
}

impl Definition for MemoryLeak {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named("workers")
    }

    fn check(&self, check: &mut Check<'_>) {
        for (field, value, allowed) in [
            ("bytes_per_record", self.bytes_per_record, BYTES_PER_RECORD),
            ("limit_mib", self.limit_mib, LIMIT_MIB),
        ] {
            if !allowed.contains(&value) {
                let (least, most) = (allowed.start(), allowed.end());
                check.problem(field, format!("{value}; allowed: {least} to {most}"));
            }
        }
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of(CHANGES_TEMPLATE))
    }
}
