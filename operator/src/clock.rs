//! The one door through which time comes in.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// A clock that only goes forward, and that a paused test runtime can stop, with the wall clock
/// beside it for what people read.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    origin: Instant,
    wall: fn() -> Timestamp,
}

impl Clock {
    /// Starts the clock at zero.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the door for time")]
    pub fn start() -> Self {
        Self::start_with(Timestamp::now)
    }

    /// Starts the clock at zero, with another wall clock than the machine's: one that is wrong,
    /// say.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the door for time")]
    pub fn start_with(wall: fn() -> Timestamp) -> Self {
        Self { origin: Instant::now(), wall }
    }

    /// Time since the start.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// The time of day.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        (self.wall)()
    }
}
