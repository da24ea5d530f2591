//! A broker answers with errors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Affected, BrokerError, Check, Claim, Definition, Draw, FaultKind, RequestKind};
use crate::injector::Action;
use crate::selector::{Pool, Selector, TopicRole};

pub(super) const KIND: FaultKind = FaultKind {
    kind: "broker_errors",
    description: "requests of one kind are answered with an error, and nothing is done but for a \
                  produce that times out",
    evidence: "how many requests each broker answered so",
    heal: "the broker answers as before; how many errors it gave is counted",
};

/// Brokers answer requests of one kind with an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrokerErrors {
    /// Which brokers.
    pub brokers: Selector,
    /// Which kind of request, such as `produce`.
    pub api: RequestKind,
    /// Which error, such as `not_leader_or_follower`.
    pub error: BrokerError,
    /// Which requests; all by default.
    #[serde(default)]
    pub requests: Affected,
}

impl Definition for BrokerErrors {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn check(&self, check: &mut Check<'_>) {
        check.selector("brokers", &self.brokers, Pool::Brokers);
        self.error.check(self.api, check);
        self.requests.check(check);
    }

    fn claim(&self) -> Option<Claim<'_>> {
        Some(Claim::answers_to(self.api))
    }

    fn leader(&self) -> Option<(TopicRole, i32)> {
        self.brokers.leader()
    }

    fn action(&self, draw: &mut Draw<'_>) -> Action {
        Action::BrokerErrors {
            brokers: draw.names(&self.brokers, Pool::Brokers),
            api: self.api,
            error: self.error,
            requests: self.requests,
        }
    }
}
