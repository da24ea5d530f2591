//! Connections between two groups are reset.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, text};
use crate::proxy::{Cut, Effect, Keeps};
use crate::selector::Group;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "connection_reset",
    description: "connections between two groups are reset on both sides, old and new ones, at \
                  once or after a while",
    evidence: "how many connections were reset",
    heal: "new connections live on",
};

/// Connections between two groups are reset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionReset {
    /// The two groups: nodes or the operator and brokers, or the operator and the API server.
    pub between: (Group, Group),
    /// How long a connection lives while the fault lasts, such as `500ms`; not at all by default.
    #[serde(default, with = "humantime_serde")]
    #[schemars(with = "String")]
    pub after: Duration,
}

impl ConnectionReset {
    /// What the proxies do.
    pub fn effect(&self) -> Effect {
        Effect::Cut(Cut { after: self.after, keeps: Keeps::Neither, newcomers: true })
    }
}

impl Definition for ConnectionReset {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Between(&self.between)
    }

    fn check(&self, check: &mut Check<'_>) {
        if self.after >= check.hold {
            let (after, hold) = (text(self.after), text(check.hold));
            let message = format!("after {after}; allowed: below {hold}, as long as the fault");
            check.problem("after", message);
        }
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        let after = if lot.chance(0.5) { Duration::ZERO } else { lot.time_within(50..=2_000) };
        Some(Self { between: lot.between()?, after })
    }
}
