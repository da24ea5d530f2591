//! The operator's clock goes too fast or too slow.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clock_skew::{check_gain, drawn_gain};
use super::operator_clock_jump::SETS_CLOCK;
use super::{Aim, Check, Definition, FaultKind, Lot, Sole};
use crate::selector::OPERATOR;

/// What has to be wrong in the end, in milliseconds, to be told from the time since a renewal.
const SHOWS_MS: u128 = 1_000;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "operator_clock_skew",
    description: "the operator's clock gains or loses so much in each second: the times that it \
                  writes into its lease, and into the status and the conditions of jobs, are more \
                  and more wrong",
    evidence: "the time that the operator wrote into its lease, against the API server's clock when \
               that was seen",
    heal: "the clock is right at once",
};

/// The operator's clock goes too fast or too slow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperatorClockSkew {
    /// What the clock gains in each second, in milliseconds, from -500 to 500; negative if it
    /// loses. It has to come to a second within the fault.
    pub gains_ms_per_s: i32,
}

impl Definition for OperatorClockSkew {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named(OPERATOR)
    }

    fn check(&self, check: &mut Check<'_>) {
        check_gain(self.gains_ms_per_s, SHOWS_MS, check);
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of(SETS_CLOCK))
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { gains_ms_per_s: drawn_gain(SHOWS_MS, lot)? })
    }
}
