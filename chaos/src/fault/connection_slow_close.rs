//! Who closes a connection between two groups is heard of late.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, text};
use crate::proxy::Effect;
use crate::selector::Group;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "connection_slow_close",
    description: "when one side of a connection between two groups closes it, the other learns of \
                  it late; lay it over a fault that ends connections",
    evidence: "how many ends of connections were passed on late, and by how much",
    heal: "ends under way are passed on at once, and later ones without delay",
};

/// Connections between two groups end late.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionSlowClose {
    /// The two groups: nodes or the operator and brokers, or the operator and the API server.
    pub between: (Group, Group),
    /// How late the other side learns of the end, such as `2s`.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub delay: Duration,
}

impl ConnectionSlowClose {
    /// What the proxies do.
    pub fn effect(&self) -> Effect {
        Effect::SlowClose { delay: self.delay }
    }
}

impl Definition for ConnectionSlowClose {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Between(&self.between)
    }

    fn check(&self, check: &mut Check<'_>) {
        if self.delay.is_zero() || self.delay >= check.hold {
            let (delay, hold) = (text(self.delay), text(check.hold));
            let message =
                format!("delay {delay}; allowed: above 0s and below {hold}, as long as the fault");
            check.problem("delay", message);
        }
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { between: lot.between()?, delay: lot.time_within(100..=2_000) })
    }
}
