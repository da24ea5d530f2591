//! Bytes between two groups arrive late, in order, with jitter.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, text};
use crate::selector::Group;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "network_delay",
    description: "bytes between two groups arrive late by a delay with jitter, each way, in order",
    evidence: "bytes that the proxy delivered late, and by how much",
    heal: "bytes under way are delivered at once and later ones are not delayed",
};

/// Bytes between two groups arrive late.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkDelay {
    /// The two groups: one of brokers, and one of nodes or the operator.
    pub between: (Group, Group),
    /// How late, each way, such as `50ms`.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub delay: Duration,
    /// How far the delay strays to either side, such as `10ms`; none by default.
    #[serde(default, with = "humantime_serde")]
    #[schemars(with = "String")]
    pub jitter: Duration,
}

impl Definition for NetworkDelay {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Between(&self.between)
    }

    fn check(&self, check: &mut Check<'_>) {
        let (delay, jitter, hold) = (self.delay, self.jitter, check.hold);
        if delay.is_zero() {
            check.problem("delay", "a delay of 0s changes nothing; allowed: above 0s");
        }
        if jitter > delay {
            let (delay, jitter) = (text(delay), text(jitter));
            check.problem("jitter", format!("jitter {jitter}; allowed: 0s to the delay, {delay}"));
        }
        if delay.saturating_add(jitter) >= hold {
            let hold = text(hold);
            check.problem(
                "delay",
                format!("delay and jitter last as long as the fault; allowed: below {hold} in sum"),
            );
        }
    }
}
