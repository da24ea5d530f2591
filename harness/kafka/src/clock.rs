//! The one door through which time comes in.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// A clock that starts at zero with the cluster. Under tokio's paused clock it is virtual too.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    start: Instant,
    started_at: Duration,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the crate's clock")]
    pub(crate) fn start() -> Self {
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self { start: Instant::now(), started_at: unix.unwrap_or_default() }
    }

    /// Unix time at the cluster's start.
    pub(crate) fn started_at(&self) -> Duration {
        self.started_at
    }

    /// Time since the cluster's start.
    #[expect(clippy::disallowed_methods, reason = "this is the crate's clock")]
    pub(crate) fn now(&self) -> Duration {
        Instant::now().duration_since(self.start)
    }

    /// The instant at which `now()` will be `at`.
    pub(crate) fn instant(&self, at: Duration) -> Instant {
        self.start + at
    }
}
