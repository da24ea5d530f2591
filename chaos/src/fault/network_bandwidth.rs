//! The link between two groups carries so much and no more.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot};
use crate::proxy::Effect;
use crate::selector::Group;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "network_bandwidth",
    description: "all connections between two groups share one link each way; senders wait",
    evidence: "how long bytes waited for the link",
    heal: "bytes that wait are delivered at once and the link is as wide as before",
};

/// Below this not even a group's heartbeats pass.
const BYTES_PER_S_MIN: u64 = 1_000;

/// The link between two groups is narrow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkBandwidth {
    /// The two groups: nodes or the operator and brokers, or the operator and the API server.
    pub between: (Group, Group),
    /// What all connections between them carry together in a second, each way.
    pub bytes_per_s: u64,
}

impl NetworkBandwidth {
    /// What the proxies do.
    pub fn effect(&self) -> Effect {
        Effect::Bandwidth { bytes_per_s: self.bytes_per_s }
    }
}

impl Definition for NetworkBandwidth {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Between(&self.between)
    }

    fn check(&self, check: &mut Check<'_>) {
        let bytes_per_s = self.bytes_per_s;
        if bytes_per_s < BYTES_PER_S_MIN {
            let message =
                format!("{bytes_per_s} bytes a second; allowed: {BYTES_PER_S_MIN} and above");
            check.problem("bytes_per_s", message);
        }
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { between: lot.between()?, bytes_per_s: lot.number(5_000..=1_000_000) })
    }
}
