//! Upstream sends messages that are no documents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::upstream::{UPSTREAM, check_rate};
use super::{Aim, Check, Definition, FaultKind};

pub(super) const KIND: FaultKind = FaultKind {
    kind: "malformed_messages",
    description: "beside the load, messages arrive whose payload is cut off in the middle",
    evidence: "how many the brokers accepted and workers put aside as dead letters",
    heal: "no more are sent, and every accepted one was put aside",
};

/// Messages that are no documents, beside the load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MalformedMessages {
    /// How many a second.
    pub rate_per_s: u32,
}

impl Definition for MalformedMessages {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named(UPSTREAM)
    }

    fn check(&self, check: &mut Check<'_>) {
        check_rate(self.rate_per_s, check);
    }
}
