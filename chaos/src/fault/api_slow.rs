//! The API server is slow to answer.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, Sole};
use crate::selector::API_SERVER;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "api_slow",
    description: "every request of the operator and of users waits before the API server looks at \
                  it",
    evidence: "how many requests waited, and how long at most",
    heal: "requests that wait are looked at, and later ones do not wait",
};

/// Requests to the API server wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiSlow {
    /// How long each waits, such as `2s`; less than the fault lasts.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub delay: Duration,
}

impl Definition for ApiSlow {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named(API_SERVER)
    }

    fn check(&self, check: &mut Check<'_>) {
        check.within_hold("delay", self.delay);
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("lets API requests wait"))
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { delay: lot.time_within(10..=2_000) })
    }
}
