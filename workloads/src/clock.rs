//! The one door through which real time and sleeping come in.

use std::time::{Duration, Instant};

/// Now on the monotonic clock.
#[expect(clippy::disallowed_methods, reason = "this is the crate's clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The time of day, in microseconds since the Unix epoch; it may be wrong.
pub type WallClock = fn() -> u64;

/// Sleeps and returns how long it really took, which is at least `wanted`.
pub(crate) fn sleep(wanted: Duration) -> Duration {
    let start = now();
    std::thread::sleep(wanted);
    start.elapsed()
}
