//! Upstream is silent, and then everything comes at once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::upstream::UPSTREAM;
use super::{Aim, Definition, FaultKind, Lot, Sole};

pub(super) const KIND: FaultKind = FaultKind {
    kind: "upstream_silence",
    description: "nothing of the load is sent for a while; what was due meanwhile then comes as a \
                  flood, and its response times count from when it was due",
    evidence: "how many messages were due while none was sent",
    heal: "what was held back was sent, and how fast",
};

/// Nothing is sent for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSilence {}

impl Definition for UpstreamSilence {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named(UPSTREAM)
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("holds the load back"))
    }

    fn draw(_lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self {})
    }
}
