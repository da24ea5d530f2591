//! A broker's disk gets slow, or full.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, text};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "broker_disk",
    description: "the broker's disk is slow, or full: then its logs go offline at the next write",
    evidence: "slow: a write that took at least the delay, or records that it is behind; full: \
               how many replicas went offline",
    heal: "the disk is as before; a broker whose logs went offline is started again",
};

/// A disk gets slow, or full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrokerDisk {
    /// Whose disk.
    pub brokers: Selector,
    /// How it does.
    pub state: DiskState,
}

/// How a disk does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum DiskState {
    /// Every write takes longer.
    Slow {
        /// By how much, such as `100ms`.
        #[serde(with = "humantime_serde")]
        #[schemars(with = "String")]
        delay: Duration,
    },
    /// The next write fails.
    Full,
}

impl Definition for BrokerDisk {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Brokers(&self.brokers)
    }

    fn check(&self, check: &mut Check<'_>) {
        if let DiskState::Slow { delay } = self.state
            && (delay.is_zero() || delay >= check.hold)
        {
            let message = format!(
                "delay {}; allowed: above 0s and below {}, as long as the fault lasts",
                text(delay),
                text(check.hold)
            );
            check.problem("state.slow.delay", message);
        }
    }

    /// A full disk takes the broker's logs away; a slow one only slows it down.
    fn takes_down(&self) -> bool {
        self.state == DiskState::Full
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        let delay = lot.time_within(5..=500);
        let state = if lot.chance(0.7) { DiskState::Slow { delay } } else { DiskState::Full };
        Some(Self { brokers: lot.brokers()?, state })
    }
}
