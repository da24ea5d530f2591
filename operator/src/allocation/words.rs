//! Numbers as words in a reason.

use std::time::Duration;

/// A rate without noise digits: one decimal below ten, none above.
pub(super) fn rate(per_s: f64) -> String {
    if per_s < 10.0 { format!("{per_s:.1}/s") } else { format!("{per_s:.0}/s") }
}

/// A share as a whole per cent.
pub(super) fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// Seconds in the unit people would use.
pub(super) fn time_s(seconds: f64) -> String {
    if seconds < 0.001 {
        format!("{:.0} µs", seconds * 1e6)
    } else if seconds < 1.0 {
        format!("{:.1} ms", seconds * 1e3)
    } else {
        format!("{seconds:.1} s")
    }
}

/// A duration in the unit people would use.
pub(super) fn time(duration: Duration) -> String {
    time_s(duration.as_secs_f64())
}
