//! The job's group rebalances again and again.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, Sole, text};

/// Below it members could not come back before the next rebalance.
const EVERY_MIN: Duration = Duration::from_millis(50);

pub(super) const KIND: FaultKind = FaultKind {
    kind: "rebalance_storm",
    description: "the coordinator lets the job's group rebalance again and again",
    evidence: "how many generations the group has begun since, at least two",
    heal: "no rebalance is asked for any more and every member has its assignment",
};

/// The job's group rebalances again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RebalanceStorm {
    /// Time from one rebalance to the next, such as `500ms`. The next begins later if the group
    /// is not done with the last.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub every: Duration,
}

impl Definition for RebalanceStorm {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named("group")
    }

    fn check(&self, check: &mut Check<'_>) {
        let most = check.hold / 2;
        if self.every < EVERY_MIN || self.every > most {
            let message = format!(
                "every {}; allowed: {} to {}, so that there are two while the fault lasts",
                text(self.every),
                text(EVERY_MIN),
                text(most)
            );
            check.problem("every", message);
        }
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("lets the group rebalance"))
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { every: lot.time_within(100..=1_000) })
    }
}
