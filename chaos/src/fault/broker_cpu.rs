//! A broker gets little of the processors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "broker_cpu",
    description: "the broker's container gets no more than a share of one processor",
    evidence: "in how many periods it was held back since",
    heal: "it gets what it asks for",
};

/// Brokers get little of the processors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrokerCpu {
    /// Which brokers.
    pub brokers: Selector,
    /// How much of one processor each gets, such as `0.1`; 0.01 to 1.
    pub processors: f64,
}

impl Definition for BrokerCpu {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Brokers(&self.brokers)
    }

    fn check(&self, check: &mut Check<'_>) {
        if !(0.01..=1.0).contains(&self.processors) {
            let message = format!("{}; allowed: 0.01 to 1", self.processors);
            check.problem("processors", message);
        }
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { brokers: lot.brokers()?, processors: lot.share() })
    }
}
