//! The one door through which time comes in.

use std::time::Duration;

use tokio::time::Instant;

/// A clock that starts at zero with the cluster. Under tokio's paused clock it is virtual too.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the crate's clock")]
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
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
