//! Loses records while a rebalance overlaps the restart of a broker; either alone does no harm.

use std::time::{Duration, Instant};

/// How long a rebalance, or a connection to a broker that broke, is taken to be going on.
const GOING_ON: Duration = Duration::from_secs(3);

/// What the worker has seen of both.
#[derive(Debug, Default)]
pub(crate) struct RebalanceMeetsRestart {
    has_begun: bool,
    rebalanced: Option<Instant>,
}

impl RebalanceMeetsRestart {
    /// Partitions come or go. Those of the start are no rebalance.
    pub(crate) fn rebalanced(&mut self, now: Instant) {
        if self.has_begun {
            self.rebalanced = Some(now);
        }
        self.has_begun = true;
    }

    /// Whether a record that was taken now is lost. `broken` is when a broker was last found out
    /// of reach; the client tries again at least once a second.
    pub(crate) fn loses(&self, now: Instant, broken: Option<Instant>) -> bool {
        let goes_on = |since: Option<Instant>| {
            since.is_some_and(|since| now.saturating_duration_since(since) < GOING_ON)
        };
        goes_on(self.rebalanced) && goes_on(broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    #[test]
    fn only_both_at_once_lose_anything() {
        let start = clock::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let mut bug = RebalanceMeetsRestart::default();
        bug.rebalanced(at(0));
        assert!(!bug.loses(at(1), Some(at(1))), "the first assignment is no rebalance");
        bug.rebalanced(at(10));
        assert!(!bug.loses(at(11), None));
        assert!(!bug.loses(at(11), Some(at(8))));
        assert!(bug.loses(at(11), Some(at(10))));
        assert!(!bug.loses(at(13), Some(at(13))));
    }
}
