//! A broker answers with errors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Affected, Aim, BrokerError, Check, Definition, FaultKind, Lot, RequestKind, Sole};
use crate::selector::Selector;

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

    fn aim(&self) -> Aim<'_> {
        Aim::Brokers(&self.brokers)
    }

    fn check(&self, check: &mut Check<'_>) {
        self.error.check(self.api, check);
        self.requests.check(check);
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::answers_to(self.api))
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        let api = lot.one_of(&RequestKind::ALL)?;
        let fitting: Vec<BrokerError> = BrokerError::fitting(api).collect();
        let error = lot.one_of(&fitting)?;
        Some(Self { brokers: lot.brokers()?, api, error, requests: lot.affected() })
    }
}
