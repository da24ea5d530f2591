//! Brokers are flooded with connections that ask once and go.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot};
use crate::selector::Selector;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "connection_storm",
    description: "so many connections are opened to each broker within half a second and ask for its \
                  API versions; each is dropped and opened again every second",
    evidence: "how many connections each broker has answered, and how many it had open at once",
    heal: "the last connections are dropped and none is opened any more",
};

/// The most connections to one broker at a time.
const CONNECTIONS_MAX: u32 = 2_000;

/// Brokers are flooded with connections.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ConnectionStorm {
    /// Which brokers.
    pub brokers: Selector,
    /// Connections to each of them at once, up to 2000.
    pub connections: u32,
}

impl Definition for ConnectionStorm {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Brokers(&self.brokers)
    }

    fn check(&self, check: &mut Check<'_>) {
        let connections = self.connections;
        if !(1..=CONNECTIONS_MAX).contains(&connections) {
            let message = format!("{connections} connections; allowed: 1 to {CONNECTIONS_MAX}");
            check.problem("connections", message);
        }
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        let connections = u32::try_from(lot.number(20..=200)).ok()?;
        Some(Self { brokers: lot.brokers()?, connections })
    }
}
