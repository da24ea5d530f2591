//! Bytes between two groups arrive late, in order, with jitter.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, text};
use crate::proxy::{Delay, Effect, JitterLaw};
use crate::selector::Group;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "network_delay",
    description: "bytes between two groups arrive late by a delay with jitter, even or heavy-tailed, \
                  each way, in order",
    evidence: "bytes that the proxy delivered late, and by how much",
    heal: "bytes under way are delivered at once and later ones are not delayed",
};

/// Bytes between two groups arrive late.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkDelay {
    /// The two groups: nodes or the operator and brokers, or the operator and the API server.
    pub between: (Group, Group),
    /// How late, each way, such as `50ms`.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub delay: Duration,
    /// How far the delay strays, such as `10ms`; not at all by default.
    #[serde(default, with = "humantime_serde")]
    #[schemars(with = "String")]
    pub jitter: Duration,
    /// In which way it strays.
    #[serde(default)]
    pub law: JitterLaw,
}

impl NetworkDelay {
    /// What the proxies do.
    pub fn effect(&self) -> Effect {
        Effect::Delay(self.strayed())
    }

    fn strayed(&self) -> Delay {
        Delay { delay: self.delay, jitter: self.jitter, law: self.law }
    }
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
        if jitter > delay && self.law == JitterLaw::Even {
            let (delay, jitter) = (text(delay), text(jitter));
            check.problem("jitter", format!("jitter {jitter}; allowed: 0s to the delay, {delay}"));
        }
        let longest = self.strayed().longest();
        if longest >= hold {
            let (longest, hold) = (text(longest), text(hold));
            check.problem(
                "delay",
                format!("delays last up to {longest}; allowed: below {hold}, as long as the fault"),
            );
        }
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        let delay = lot.time_within(5..=500);
        let law = lot.one_of(&[JitterLaw::Even, JitterLaw::HeavyTail])?;
        // The longest of a heavy tail is a hundred times the jitter.
        let jitter = match law {
            JitterLaw::Even => lot.one_of(&[Duration::ZERO, delay / 2])?,
            JitterLaw::HeavyTail => delay.min(lot.hold / 250),
        };
        Some(Self { between: lot.between()?, delay, jitter, law })
    }
}
