//! The one door through which real time and sleeping come in.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Now on the monotonic clock.
#[expect(clippy::disallowed_methods, reason = "this is the crate's clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Microseconds since the Unix epoch; 0 if the machine's clock is before it.
#[expect(clippy::disallowed_methods, reason = "this is the crate's clock")]
pub(crate) fn unix_us() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX)
}

/// Sleeps and returns how long it really took, which is at least `wanted`.
pub(crate) fn sleep(wanted: Duration) -> Duration {
    let start = now();
    std::thread::sleep(wanted);
    start.elapsed()
}
