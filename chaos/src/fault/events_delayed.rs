//! Watches tell of changes late, or only of the last of several.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, Sole};
use crate::selector::API_SERVER;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "events_delayed",
    description: "watches of the operator and of users tell of changes late; if `merged`, in \
                  rounds, and of several changes of one object only the last",
    evidence: "how many events were late and by how much at most; if merged, how many changes no \
               event told of",
    heal: "events that wait come at once and later ones are not late",
};

/// Watches tell of changes late.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventsDelayed {
    /// How late, or how often if merged, such as `2s`; less than the fault lasts.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub by: Duration,
    /// Whether events come in rounds, of each object only the last; not by default.
    #[serde(default)]
    pub merged: bool,
}

impl Definition for EventsDelayed {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named(API_SERVER)
    }

    fn check(&self, check: &mut Check<'_>) {
        check.within_hold("by", self.by);
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("delays events"))
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { by: lot.time_within(50..=2_000), merged: lot.chance(0.5) })
    }
}
