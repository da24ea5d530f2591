//! The clock of a node goes too fast or too slow.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, Sole, text};
use crate::selector::Selector;

/// A clock that lost a whole second a second would stand still.
const GAIN_MAX_MS: i32 = 500;
/// What has to be wrong in the end, in milliseconds, to be told from what a question takes.
const SHOWS_MS: u128 = 100;
/// Two would undo each other's.
pub(super) const SETS_CLOCKS: &str = "sets the clocks of nodes";

pub(super) const KIND: FaultKind = FaultKind {
    kind: "clock_skew",
    description: "the clock of the node gains or loses so much in each second: its workers date \
                  results by it and measure latencies with it, and a strategy that asks them sees \
                  these; the reference worker, and those that read NODE_CLOCK_FILE",
    evidence: "the time of day that the node's workers tell, against the harness's",
    heal: "the clock is right at once; the workers are asked again",
};

/// Clocks of nodes go too fast or too slow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClockSkew {
    /// Which nodes.
    pub nodes: Selector,
    /// What the clock gains in each second, in milliseconds, from -500 to 500; negative if it
    /// loses. It has to come to a tenth of a second within the fault.
    pub gains_ms_per_s: i32,
}

impl Definition for ClockSkew {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Nodes(&self.nodes)
    }

    fn check(&self, check: &mut Check<'_>) {
        check_gain(self.gains_ms_per_s, SHOWS_MS, check);
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of(SETS_CLOCKS))
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        let gains_ms_per_s = drawn_gain(SHOWS_MS, lot)?;
        Some(Self { nodes: lot.nodes()?, gains_ms_per_s })
    }
}

/// What a clock gains in each second has to come to `shows_ms` within the fault.
pub(super) fn check_gain(gains: i32, shows_ms: u128, check: &mut Check<'_>) {
    if !(-GAIN_MAX_MS..=GAIN_MAX_MS).contains(&gains) {
        let message = format!("{gains}; allowed: -{GAIN_MAX_MS} to {GAIN_MAX_MS}");
        check.problem("gains_ms_per_s", message);
    } else if gained_ms(gains, check.hold) < shows_ms {
        let message = format!(
            "{gains} in each of {} comes to less than {shows_ms} ms, which would not show",
            text(check.hold)
        );
        check.problem("gains_ms_per_s", message);
    }
}

/// What a clock gains in each second, drawn at random; nothing if it would not show.
pub(super) fn drawn_gain(shows_ms: u128, lot: &mut Lot<'_>) -> Option<i32> {
    let gains = i32::try_from(lot.number(50..=500)).ok()?;
    let gains = if lot.chance(0.5) { gains } else { -gains };
    (gained_ms(gains, lot.hold) >= shows_ms).then_some(gains)
}

/// By how much a clock is wrong after this time, in milliseconds.
fn gained_ms(gains_ms_per_s: i32, time: Duration) -> u128 {
    time.as_millis() * u128::from(gains_ms_per_s.unsigned_abs()) / 1_000
}
