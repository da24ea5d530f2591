//! Upstream sends messages of a schema that no worker knows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::upstream::{UPSTREAM, check_rate};
use super::{Aim, Check, Definition, FaultKind};

pub(super) const KIND: FaultKind = FaultKind {
    kind: "incompatible_schema",
    description: "beside the load, messages arrive in a schema version that workers do not know",
    evidence: "how many the brokers accepted and workers put aside as dead letters",
    heal: "no more are sent, and every accepted one was put aside",
};

/// Messages of an unknown schema, beside the load.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IncompatibleSchema {
    /// How many a second.
    pub rate_per_s: u32,
}

impl Definition for IncompatibleSchema {
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
