//! The vocabulary of failures.

use std::num::NonZeroU64;
use std::time::Duration;

mod requests;

pub use requests::{Affected, ApiFailure, FailedRequests, RequestOutcome};

/// How far a broker's replicas trail their leaders. The default is not at all: what a leader
/// appends, its followers have at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReplicationLag {
    /// From a fetch that finds records until the follower has them.
    pub delay: Duration,
    /// Up to so much is added to each delay, drawn from the cluster's seed.
    pub jitter: Duration,
    /// What all fetches of the broker together may copy; `None` is no bound.
    pub bytes_per_second: Option<NonZeroU64>,
}

impl ReplicationLag {
    /// A lag of `delay`, without jitter or bound.
    pub fn of(delay: Duration) -> Self {
        Self { delay, ..Self::default() }
    }

    pub(crate) fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

/// From whom a broker is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// From the other brokers and the controller. Clients still reach it: as a leader it goes on
    /// with what it knew, takes `acks=1` writes that will be lost, and lets `acks=all` time out.
    FromPeers,
    /// From clients: their connections are cut and refused. It stays leader and in sync.
    FromClients,
}

/// How a broker's disk does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Disk {
    /// It writes at once.
    #[default]
    Normal,
    /// Every append takes so much longer to be acknowledged, or to be copied.
    Slow {
        /// How much longer.
        delay: Duration,
    },
    /// The next append fails and takes the log directory offline, until the broker restarts with
    /// a disk that is not full.
    Full,
}

/// Known bugs of Kafka's past and of others, planted to show that checkers catch them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Defect {
    /// The leader moves its high watermark as soon as one replica has a record, itself.
    HighWatermarkTooEarly,
    /// A replica that becomes a follower cuts its log at its own high watermark instead of where
    /// it leaves its leader's (KIP-101).
    TruncateToHighWatermark,
    /// The fetches of a deposed leader that comes back are answered without a look at its epoch:
    /// it keeps the tail that only it has, and counts as in sync with it.
    ZombieLeaderNotFenced,
    /// A group's members are answered before their leader has brought the assignment.
    SyncBeforeAssignment,
    /// A member of a consumer group (KIP-848) is given a partition that another still has to give
    /// up.
    ReleaseNotAwaited,
}
