//! The operator's clock is wrong from one moment to the next.

use std::ops::RangeInclusive;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clock_jump::{JumpDirection, check_step};
use super::{Aim, Check, Definition, FaultKind, Lot, Sole};
use crate::selector::OPERATOR;

/// Less could not be told from the time since a renewal.
const BY: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24);

/// Two would undo each other's.
pub(super) const SETS_CLOCK: &str = "sets the operator's clock";

pub(super) const KIND: FaultKind = FaultKind {
    kind: "operator_clock_jump",
    description: "the operator's clock is set forward or back: it writes wrong times into its lease, \
                  and into the status and the conditions of jobs",
    evidence: "the time that the operator wrote into its lease, against the API server's clock when \
               that was seen",
    heal: "the clock is right at once",
};

/// The operator's clock is set wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperatorClockJump {
    /// By how much, from `1s` to `1day`.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub by: Duration,
    /// Which way.
    #[serde(default)]
    pub direction: JumpDirection,
}

impl Definition for OperatorClockJump {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named(OPERATOR)
    }

    fn check(&self, check: &mut Check<'_>) {
        check_step(self.by, BY, check);
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of(SETS_CLOCK))
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { by: lot.time(2_000..=3_600_000), direction: JumpDirection::drawn(lot) })
    }
}
