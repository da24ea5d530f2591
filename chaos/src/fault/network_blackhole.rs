//! Whatever is sent between two groups vanishes, and nobody is told.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Definition, FaultKind, Lot};
use crate::proxy::{Cut, Effect, Keeps};
use crate::selector::Group;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "network_blackhole",
    description: "bytes between two groups are swallowed, on old and new connections, which stay \
                  open and never answer, as behind a firewall that has lost its state",
    evidence: "how many bytes were swallowed, on how many connections",
    heal: "these connections are reset, as nobody knows them any more; new ones work",
};

/// Bytes between two groups vanish.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkBlackhole {
    /// The two groups: nodes or the operator and brokers, or the operator and the API server.
    pub between: (Group, Group),
}

impl NetworkBlackhole {
    /// What the proxies do.
    pub fn effect(&self) -> Effect {
        Effect::Cut(Cut { after: Duration::ZERO, keeps: Keeps::Both, newcomers: true })
    }
}

impl Definition for NetworkBlackhole {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Between(&self.between)
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { between: lot.between()? })
    }
}
