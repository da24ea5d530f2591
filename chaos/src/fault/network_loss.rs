//! Packets between two groups are lost: what was in them arrives late, and so does what follows.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Aim, Check, Definition, FaultKind, Lot, text};
use crate::proxy::{Effect, Loss};
use crate::selector::Group;

pub(super) const KIND: FaultKind = FaultKind {
    kind: "network_loss",
    description: "a share of the packets between two groups is lost, each way, alone or in bursts; \
                  as TCP sends them again, bytes arrive late: after a round trip, or a timeout \
                  that doubles",
    evidence: "how many packets were lost, and how late bytes were for it",
    heal: "bytes under way are delivered at once and nothing more is lost",
};

/// The largest share: above it, TCP connections would hardly move.
const SHARE_MAX: f64 = 0.9;

/// Packets between two groups are lost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NetworkLoss {
    /// The two groups: nodes or the operator and brokers, or the operator and the API server.
    pub between: (Group, Group),
    /// The share of packets that is lost, above 0 and up to 0.9. A packet has 1448 bytes.
    pub share: f64,
    /// How many packets are lost in a row, in the mean; without it losses know nothing of each
    /// other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub burst: Option<f64>,
    /// What a packet and its acknowledgement take: so late is a loss that the packets behind it
    /// give away. `1ms` by default.
    #[serde(default = "round_trip", with = "humantime_serde")]
    #[schemars(with = "String")]
    pub round_trip: Duration,
    /// So late is a loss that nothing gives away. `200ms` by default, the shortest on Linux.
    #[serde(default = "timeout", with = "humantime_serde")]
    #[schemars(with = "String")]
    pub timeout: Duration,
}

fn round_trip() -> Duration {
    Duration::from_millis(1)
}

fn timeout() -> Duration {
    Duration::from_millis(200)
}

impl NetworkLoss {
    /// What the proxies do.
    pub fn effect(&self) -> Effect {
        let Self { share, burst, round_trip, timeout, .. } = *self;
        Effect::Loss(Loss { share, burst, round_trip, timeout })
    }
}

impl Definition for NetworkLoss {
    fn kind(&self) -> FaultKind {
        KIND
    }

    fn aim(&self) -> Aim<'_> {
        Aim::Between(&self.between)
    }

    fn check(&self, check: &mut Check<'_>) {
        let (share, timeout, hold) = (self.share, self.timeout, check.hold);
        if !(share > 0.0 && share <= SHARE_MAX) {
            let message = format!("share {share}; allowed: above 0 and up to {SHARE_MAX}");
            check.problem("share", message);
            return;
        }
        // Shorter bursts would have to begin more often than there are packets.
        let shortest = (share / (1.0 - share)).max(1.0);
        if let Some(burst) = self.burst.filter(|burst| !(*burst >= shortest && burst.is_finite())) {
            let message = format!("burst {burst}; allowed at this share: {shortest:.3} and above");
            check.problem("burst", message);
        }
        if timeout.is_zero() || timeout >= hold {
            let (timeout, hold) = (text(timeout), text(hold));
            let message = format!(
                "timeout {timeout}; allowed: above 0s and below {hold}, as long as the fault"
            );
            check.problem("timeout", message);
        }
        if self.round_trip.is_zero() || self.round_trip > timeout {
            let (round_trip, timeout) = (text(self.round_trip), text(timeout));
            let message =
                format!("round trip {round_trip}; allowed: above 0s, to the timeout, {timeout}");
            check.problem("round_trip", message);
        }
    }

    fn draw(lot: &mut Lot<'_>) -> Option<Self> {
        let (share, timeout) = (lot.share() * SHARE_MAX, lot.time_within(200..=400));
        let (burst, round_trip) = (None, round_trip().min(timeout));
        Some(Self { between: lot.between()?, share, burst, round_trip, timeout })
    }
}
