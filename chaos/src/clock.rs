//! The one door through which time comes into this crate.

use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// The monotonic clock of the runtime; it stands still under a paused runtime.
#[expect(clippy::disallowed_methods, reason = "this is the crate's door for time")]
pub fn now() -> Instant {
    Instant::now()
}

/// Microseconds since the Unix epoch, for journals that outlive the process.
#[expect(clippy::disallowed_methods, reason = "this is the crate's door for time")]
pub fn unix_us() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX)
}
