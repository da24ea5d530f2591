//! The active controller dies, and for a while there is none.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, text};

/// Below it there is no time to see that there is no controller.
const FAILOVER_MIN: Duration = Duration::from_millis(100);

pub(super) const KIND: FaultKind = FaultKind {
    kind: "controller_crash",
    description: "the active controller dies, its broker goes on: for a while nobody is elected \
                  and no metadata changes",
    evidence: "the broker that held the controller, and that none is active",
    heal: "another controller is active",
};

/// The active controller dies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ControllerCrash {
    /// How long there is none, such as `1s`; at most as long as the fault.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub failover: Duration,
}

impl Definition for ControllerCrash {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Controller
    }

    fn check(&self, check: &mut Check<'_>) {
        if self.failover < FAILOVER_MIN || self.failover > check.hold {
            let message = format!(
                "failover {}; allowed: {} to {}, as long as the fault lasts",
                text(self.failover),
                text(FAILOVER_MIN),
                text(check.hold)
            );
            check.problem("failover", message);
        }
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { failover: lot.time(100..=2_000).min(lot.hold) })
    }
}
