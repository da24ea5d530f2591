//! A broker writes, and its acknowledgement is lost on the way back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Affected, Aim, Check, Definition, FaultKind, Lot, RequestKind, Sole};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "lost_acknowledgement",
    description: "what producers send is written, and in place of the acknowledgement the \
                  connection is closed: who sends again without idempotence sends twice",
    evidence: "how many produce requests each broker did not acknowledge although it had their \
               records, from the first or an earlier try",
    heal: "the broker acknowledges as before; how many requests it did not is counted",
};

/// Brokers write and do not acknowledge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LostAcknowledgement {
    /// Which brokers.
    pub brokers: Selector,
    /// Which produce requests; all by default, and then no producer gets on until the fault ends.
    #[serde(default)]
    pub requests: Affected,
}

impl Definition for LostAcknowledgement {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Brokers(&self.brokers)
    }

    fn check(&self, check: &mut Check<'_>) {
        self.requests.check(check);
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::answers_to(RequestKind::Produce))
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        Some(Self { brokers: lot.brokers()?, requests: lot.affected() })
    }
}
