//! Upstream sends messages twice.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::upstream::{UPSTREAM, check_share};
use super::{Aim, Check, Definition, FaultKind, Lot, Sole};

pub(super) const KIND: FaultKind = FaultKind {
    kind: "duplicate_sends",
    description: "a share of the load's messages is sent twice, as by a producer that tries again \
                  without idempotence",
    evidence: "how many second copies the brokers acknowledged",
    heal: "messages are sent once again",
};

/// Messages are sent twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DuplicateSends {
    /// Which share of messages, above 0 and up to 1, drawn from the seed.
    pub share: f64,
}

impl Definition for DuplicateSends {
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
        Some(Sole::of("sends messages twice"))
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { share: lot.share() })
    }
}
