//! One key gets much of the load.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::upstream::{UPSTREAM, check_share};
use super::{Aim, Check, Definition, FaultKind, Lot, Sole};

pub(super) const KIND: FaultKind = FaultKind {
    kind: "hot_key",
    description: "a share of the load's messages bears one key, so that one partition gets them",
    evidence: "the share of acknowledged messages with the key, and the partition they are in",
    heal: "messages bear their own keys again",
};

/// One key gets much of the load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HotKey {
    /// Which share of messages, above 0 and up to 1, drawn from the seed.
    pub share: f64,
}

impl Definition for HotKey {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named(UPSTREAM)
    }

    fn check(&self, check: &mut Check<'_>) {
        check_share(self.share, check);
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("gives messages another key"))
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { share: lot.share() })
    }
}
