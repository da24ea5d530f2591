//! Upstream sends messages that kill workers.

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::upstream::UPSTREAM;
use super::{Aim, Check, Definition, FaultKind, Sole};

/// Each costs several workers, one after the other.
const MESSAGES: RangeInclusive<u32> = 1..=10;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "poison_message",
    description: "beside the load, messages arrive that kill every worker which takes them \
                  (SIGABRT), until one knows from the committed offset that others died there, and \
                  puts the message aside; reference worker at least once only",
    evidence: "how many the brokers accepted, and how many worker processes ended by SIGABRT, at \
               least two",
    heal: "no more are sent, and every accepted one was put aside",
};

/// Messages that kill workers, beside the load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PoisonMessage {
    /// How many, from 1 to 10; ten a second.
    pub messages: u32,
}

impl Definition for PoisonMessage {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named(UPSTREAM)
    }

    fn check(&self, check: &mut Check<'_>) {
        if !MESSAGES.contains(&self.messages) {
            let (least, most) = (MESSAGES.start(), MESSAGES.end());
            let message = format!("{}; allowed: {least} to {most}", self.messages);
            check.problem("messages", message);
        }
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("kills workers by messages"))
    }
}
