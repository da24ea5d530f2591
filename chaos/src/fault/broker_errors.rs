//! A broker answers with errors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Affected, BrokerError, Check, Claim, Definition, Draw, FaultKind, RequestKind};
use crate::injector::Action;
use crate::selector::{Pool, Selector, TopicRole};

pub(super) const KIND: FaultKind = FaultKind {
    kind: "broker_errors",
    description: "workers' requests of one kind are answered with an error and not carried out; \
                  with produce the load's too, and it is written all the same where Kafka tells \
                  of the error after the write (request_timed_out, \
                  not_enough_replicas_after_append)",
    evidence: "how many of these requests each broker answered so",
    heal: "the broker answers as before; how many errors it gave is counted",
};

/// Brokers answer workers' requests of one kind with an error; with `produce` those of the load
/// too. What the harness reads and what the operator asks is answered as ever.
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
