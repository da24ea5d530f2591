//! The clock of a node is wrong from one moment to the next.

use std::ops::RangeInclusive;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::clock_skew::SETS_CLOCKS;
use super::{Aim, Check, Definition, FaultKind, Lot, Sole, text};
use crate::selector::Selector;

/// Less could not be told from what a question takes.
const BY: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_hours(24);

pub(super) const KIND: FaultKind = FaultKind {
    kind: "clock_jump",
    description: "the clock of the node is set forward or back: its workers date results by it and \
                  measure latencies with it, and a strategy that asks them sees these; brokers \
                  refuse results from more than an hour ahead; the reference worker, and those \
                  that read NODE_CLOCK_FILE",
    evidence: "the time of day that the node's workers tell, against the harness's",
    heal: "the clock is right at once; the workers are asked again",
};

/// Which way a clock is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JumpDirection {
    /// Into the future.
    #[default]
    Forward,
    /// Into the past.
    Back,
}

/// Clocks of nodes are set wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClockJump {
    /// Which nodes.
    pub nodes: Selector,
    /// By how much, from `100ms` to `1day`.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub by: Duration,
    /// Which way.
    #[serde(default)]
    pub direction: JumpDirection,
}

impl Definition for ClockJump {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Nodes(&self.nodes)
    }

    fn check(&self, check: &mut Check<'_>) {
        check_step(self.by, BY, check);
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of(SETS_CLOCKS))
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        let (by, direction) = (lot.time(500..=60_000), JumpDirection::drawn(lot));
        Some(Self { nodes: lot.nodes()?, by, direction })
    }
}

impl JumpDirection {
    pub(super) fn drawn(lot: &mut Lot<'_>) -> Self {
        if lot.chance(0.5) { Self::Forward } else { Self::Back }
    }

    /// What a clock shows too much that was set by so much, in microseconds.
    pub fn offset_us(self, by: Duration) -> i64 {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        match self {
            Self::Forward => by,
            Self::Back => -by,
        }
    }
}

pub(super) fn check_step(by: Duration, allowed: RangeInclusive<Duration>, check: &mut Check<'_>) {
    if !allowed.contains(&by) {
        let (least, most) = (text(*allowed.start()), text(*allowed.end()));
        check.problem("by", format!("{}; allowed: {least} to {most}", text(by)));
    }
}
