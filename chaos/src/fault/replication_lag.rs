//! Followers trail their leaders.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, text};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "replication_lag",
    description: "what the brokers' followers copy from their leaders arrives late",
    evidence: "records that the brokers' followers are behind their leaders",
    heal: "followers copy at once again and catch up",
};

/// The followers on these brokers trail their leaders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplicationLag {
    /// On which brokers.
    pub brokers: Selector,
    /// How late a follower has what its leader wrote, such as `200ms`.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub delay: Duration,
    /// Up to so much is added to each delay, such as `50ms`; nothing by default.
    #[serde(default, with = "humantime_serde")]
    #[schemars(with = "String")]
    pub jitter: Duration,
}

impl Definition for ReplicationLag {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Brokers(&self.brokers)
    }

    fn check(&self, check: &mut Check<'_>) {
        if check.inventory.brokers.len() < 2 {
            check.problem("brokers", "there is one broker, and no follower; allowed: two and more");
        }
        if self.delay.is_zero() {
            check.problem("delay", "a delay of 0s changes nothing; allowed: above 0s");
        }
        if self.delay.saturating_add(self.jitter) >= check.hold {
            let hold = text(check.hold);
            check.problem(
                "delay",
                format!("delay and jitter last as long as the fault; allowed: below {hold} in sum"),
            );
        }
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        let delay = lot.time_within(10..=500);
        let jitter = if lot.chance(0.5) { delay / 4 } else { Duration::ZERO };
        Some(Self { brokers: lot.brokers()?, delay, jitter })
    }
}
