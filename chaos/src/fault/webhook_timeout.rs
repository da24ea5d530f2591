//! An admission webhook does not answer.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, Sole};
use crate::selector::API_SERVER;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "webhook_timeout",
    description: "every write of the operator and of users waits for an admission webhook that \
                  does not answer; then, by the webhook's failure policy, it is refused with 500 \
                  or carried out",
    evidence: "how many writes waited, and how long at most",
    heal: "writes that wait are carried out, and later ones do not wait",
};

/// Writes wait for a webhook that does not answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookTimeout {
    /// How long the API server waits for the webhook, such as `1s`; less than the fault lasts.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub timeout: Duration,
    /// What becomes of a write afterwards; it is refused by default.
    #[serde(default)]
    pub failure_policy: FailurePolicy,
}

/// What becomes of a write that a webhook was not heard on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailurePolicy {
    /// It is refused with 500.
    #[default]
    Fail,
    /// It is carried out.
    Ignore,
}

impl Definition for WebhookTimeout {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named(API_SERVER)
    }

    fn check(&self, check: &mut Check<'_>) {
        check.within_hold("timeout", self.timeout);
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("lets a webhook fall silent"))
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        let failure_policy = lot.one_of(&[FailurePolicy::Fail, FailurePolicy::Ignore])?;
        Some(Self { timeout: lot.time_within(10..=2_000), failure_policy })
    }
}
