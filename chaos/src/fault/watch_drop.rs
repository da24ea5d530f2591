//! Watches are cut, again and again.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, Sole};
use crate::selector::API_SERVER;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "watch_drop",
    description: "the open watches of the operator and of users are cut, and later ones when they \
                  have lasted for `every`",
    evidence: "how many watches were cut",
    heal: "watches last as long as they should; how many were cut is counted",
};

/// Watches are cut.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchDrop {
    /// How long a new watch lasts, such as `1s`; less than the fault lasts.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub every: Duration,
}

impl Definition for WatchDrop {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named(API_SERVER)
    }

    fn check(&self, check: &mut Check<'_>) {
        check.within_hold("every", self.every);
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("cuts watches"))
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { every: lot.time_within(50..=2_000) })
    }
}
