//! The words of faults on the load: how many messages, and which share of them.

use super::Check;

/// What every fault on the load is aimed at.
pub(super) const UPSTREAM: &str = "upstream";

/// Above it the messages beside the load would be the load.
const RATE_PER_S_MAX: u32 = 10_000;

/// A rate of messages beside the load.
pub(super) fn check_rate(rate_per_s: u32, check: &mut Check<'_>) {
    if !(1..=RATE_PER_S_MAX).contains(&rate_per_s) {
        let message = format!("{rate_per_s} a second; allowed: 1 to {RATE_PER_S_MAX}");
        check.problem("rate_per_s", message);
    }
}

/// A share of the load's messages.
pub(super) fn check_share(share: f64, check: &mut Check<'_>) {
    if !(share > 0.0 && share <= 1.0) {
        let message = format!("share {share} of messages; allowed: above 0 and up to 1");
        check.problem("share", message);
    }
}
