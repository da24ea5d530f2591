//! A broker writes, and its acknowledgement is lost on the way back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Affected, Check, Claim, Definition, Draw, FaultKind, RequestKind};
use crate::injector::Action;
use crate::selector::{Pool, Selector, TopicRole};

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

    fn check(&self, check: &mut Check<'_>) {
        check.selector("brokers", &self.brokers, Pool::Brokers);
        self.requests.check(check);
    }

    fn claim(&self) -> Option<Claim<'_>> {
        Some(Claim::answers_to(RequestKind::Produce))
    }

    fn leader(&self) -> Option<(TopicRole, i32)> {
        self.brokers.leader()
    }

    fn action(&self, draw: &mut Draw<'_>) -> Action {
        let brokers = draw.names(&self.brokers, Pool::Brokers);
        Action::LostAcknowledgement { brokers, requests: self.requests }
    }
}
