//! The one door through which time comes in.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// A clock that only goes forward, and that a paused test runtime can stop, with the wall clock
/// beside it for what people read.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// Starts the clock at zero.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the door for time")]
    pub fn start() -> Self {
        Self { origin: Instant::now() }
    }

    /// Time since the start.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// The time of day.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the door for time")]
    pub fn timestamp(&self) -> Timestamp {
        Timestamp::now()
    }
}
