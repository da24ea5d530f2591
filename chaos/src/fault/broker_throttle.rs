//! Brokers throttle workers that are over a quota.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, Sole};

pub(super) const KIND: FaultKind = FaultKind {
    kind: "broker_throttle",
    description: "each broker holds each worker to a quota: who is over it is told to pause, and \
                  not read until then; a broker measures over ten seconds",
    evidence: "how many answers told workers to pause, and for how long in sum",
    heal: "no quota is set, and brokers read from everybody again, those in containers when the \
           pauses that they told of are over; a client that keeps a pause by itself, as that of \
           Java does, keeps it to its end",
};

/// Brokers hold workers to quotas. The harness's own clients and the operator have none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BrokerThrottle {
    /// Bytes of produce requests a second, of each worker at each broker; no bound by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub produce_bytes_per_s: Option<u64>,
    /// Bytes of fetch answers a second, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fetch_bytes_per_s: Option<u64>,
}

impl Definition for BrokerThrottle {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Named("workers")
    }

    fn check(&self, check: &mut Check<'_>) {
        let bounds = [
            ("produce_bytes_per_s", self.produce_bytes_per_s),
            ("fetch_bytes_per_s", self.fetch_bytes_per_s),
        ];
        if bounds.iter().all(|(_, bound)| bound.is_none()) {
            let message = "no quota is given; allowed: produce_bytes_per_s, fetch_bytes_per_s \
                           or both";
            check.problem("produce_bytes_per_s", message);
        }
        for (field, _) in bounds.iter().filter(|(_, bound)| *bound == Some(0)) {
            check.problem(field, "0 bytes a second; allowed: 1 and above");
        }
    }

    fn sole(&self) -> Option<Sole> {
        Some(Sole::of("sets quotas"))
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        let quota = lot.number(10_000..=1_000_000);
        let (produce, fetch) = lot.one_of(&[(true, false), (false, true), (true, true)])?;
        Some(Self {
            produce_bytes_per_s: produce.then_some(quota),
            fetch_bytes_per_s: fetch.then_some(quota),
        })
    }
}
