//! Judging a node by the age of its lease.
//!
//! The age runs from when this controller *saw* the renewal change, as in Kubernetes' node
//! lifecycle controller, so that clocks need not agree.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;

use super::NodeTimes;

/// What is known of a node's heartbeat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NodeHealth {
    renewed: Option<Timestamp>,
    seen: Instant,
    unknown_since: Option<Instant>,
}

/// What follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The node is alive; look again after this time.
    Alive {
        /// Until its lease would be too old.
        check_in: Duration,
    },
    /// The node is silent; its pods may still come back until this time has passed.
    Silent {
        /// Until its pods are given up.
        evict_in: Duration,
    },
    /// The node is silent for so long that its pods are given up.
    Dead,
}

impl NodeHealth {
    /// A node seen for the first time; it is given the benefit of the doubt.
    pub(super) fn new(renewed: Option<Timestamp>, now: Instant) -> Self {
        Self { renewed, seen: now, unknown_since: None }
    }

    /// Takes note of the lease as it is at `now` and judges.
    pub(super) fn judge(
        &mut self,
        renewed: Option<Timestamp>,
        now: Instant,
        times: NodeTimes,
    ) -> Judgement {
        if renewed != self.renewed {
            *self = Self::new(renewed, now);
        }
        let age = now.duration_since(self.seen);
        if age < times.grace {
            return Judgement::Alive { check_in: times.grace - age };
        }
        let silent = now.duration_since(*self.unknown_since.get_or_insert(now));
        match times.eviction_delay.checked_sub(silent) {
            Some(left) if !left.is_zero() => Judgement::Silent { evict_in: left },
            _ => Judgement::Dead,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const TIMES: NodeTimes =
        NodeTimes { grace: Duration::from_secs(4), eviction_delay: Duration::from_secs(5) };

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn silence_leads_to_death_in_two_steps_and_a_renewal_undoes_it() {
        let start = clock::instant();
        let renewal = |second| Timestamp::from_second(second).ok();
        let mut health = NodeHealth::new(renewal(1), start);
        let mut judge =
            |second: i64, at: u64| health.judge(renewal(second), start + seconds(at), TIMES);
        assert_eq!(judge(1, 1), Judgement::Alive { check_in: seconds(3) });
        assert_eq!(judge(2, 3), Judgement::Alive { check_in: seconds(4) });
        assert_eq!(judge(2, 7), Judgement::Silent { evict_in: seconds(5) });
        assert_eq!(judge(2, 9), Judgement::Silent { evict_in: seconds(3) });
        assert_eq!(judge(2, 12), Judgement::Dead);
        assert_eq!(judge(2, 90), Judgement::Dead);
        assert_eq!(judge(3, 91), Judgement::Alive { check_in: seconds(4) });
        assert_eq!(judge(3, 95), Judgement::Silent { evict_in: seconds(5) });
    }

    #[test]
    fn a_node_without_a_lease_has_the_grace_period_to_get_one() {
        let start = clock::instant();
        let mut health = NodeHealth::new(None, start);
        assert_eq!(health.judge(None, start, TIMES), Judgement::Alive { check_in: seconds(4) });
        assert!(matches!(health.judge(None, start + seconds(4), TIMES), Judgement::Silent { .. }));
    }

    #[test]
    fn without_a_delay_a_silent_node_is_dead_at_once() {
        let start = clock::instant();
        let mut health = NodeHealth::new(None, start);
        let times = NodeTimes { eviction_delay: Duration::ZERO, ..TIMES };
        assert_eq!(health.judge(None, start + seconds(4), times), Judgement::Dead);
    }
}
