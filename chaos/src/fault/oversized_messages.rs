//! Upstream sends messages that are large, or too large.

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::upstream::{UPSTREAM, check_rate};
use super::{Aim, Check, Definition, FaultKind, Lot};

/// Kafka's default of `message.max.bytes` is 1,048,588, for a batch with all that frames it.
const BYTES: RangeInclusive<u32> = 10_000..=8_000_000;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "oversized_messages",
    description: "beside the load, messages of one size arrive: brokers refuse those over \
                  message.max.bytes, and those below it must get through",
    evidence: "how many the brokers refused, or accepted and workers processed",
    heal: "no more are sent, and every accepted one was processed",
};

/// Large messages, beside the load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OversizedMessages {
    /// Length of each payload.
    pub bytes: u32,
    /// How many a second.
    pub rate_per_s: u32,
}

impl Definition for OversizedMessages {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named(UPSTREAM)
    }

    fn check(&self, check: &mut Check<'_>) {
        check_rate(self.rate_per_s, check);
        if !BYTES.contains(&self.bytes) {
            let (least, most) = (BYTES.start(), BYTES.end());
            check.problem("bytes", format!("{} bytes; allowed: {least} to {most}", self.bytes));
        }
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        let number = |lot: &mut Lot<'_>, range| u32::try_from(lot.number(range)).ok();
        Some(Self { bytes: number(lot, 10_000..=4_000_000)?, rate_per_s: number(lot, 1..=5)? })
    }
}
