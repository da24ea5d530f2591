//! When the store reached which version, as far back as delayed events need it.

use std::collections::VecDeque;

use tokio::time::Instant;

/// Entries kept at most: as many as the store keeps changes.
const ENTRIES_MAX: usize = 20_000;

/// Versions by the time at which they were reached, oldest first.
#[derive(Debug, Default)]
pub(super) struct Timeline(VecDeque<(Instant, u64)>);

impl Timeline {
    /// Starts anew with a version.
    pub(super) fn restart(&mut self, now: Instant, version: u64) {
        self.0 = VecDeque::from([(now, version)]);
    }

    pub(super) fn note(&mut self, now: Instant, version: u64) {
        if self.0.len() >= ENTRIES_MAX {
            self.0.pop_front();
        }
        self.0.push_back((now, version));
    }

    /// Forgets what lies before the state of `time`.
    pub(super) fn prune(&mut self, time: Instant) {
        while self.0.get(1).is_some_and(|(reached, _)| *reached <= time) {
            self.0.pop_front();
        }
    }

    /// The version of `time`; the oldest one known if that is later.
    pub(super) fn at(&self, time: Instant) -> Option<u64> {
        let after = self.0.partition_point(|(reached, _)| *reached <= time);
        self.0.get(after.saturating_sub(1)).map(|(_, version)| *version)
    }

    /// When a version was reached.
    pub(super) fn reached(&self, version: u64) -> Option<Instant> {
        let before = self.0.partition_point(|(_, known)| *known < version);
        self.0.get(before).map(|(reached, _)| *reached)
    }

    /// When the version after that of `time` was reached.
    pub(super) fn next(&self, time: Instant) -> Option<Instant> {
        let after = self.0.partition_point(|(reached, _)| *reached <= time);
        self.0.get(after.max(1)).map(|(reached, _)| *reached)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_time_has_the_last_version_that_was_reached_by_then() {
        let start = crate::clock::instant();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut timeline = Timeline::default();
        assert_eq!(timeline.at(at(1)), None);
        timeline.restart(at(10), 5);
        timeline.note(at(12), 6);
        timeline.note(at(14), 7);
        assert_eq!((timeline.at(at(1)), timeline.at(at(10))), (Some(5), Some(5)));
        assert_eq!((timeline.at(at(12)), timeline.at(at(13))), (Some(6), Some(6)));
        assert_eq!((timeline.reached(6), timeline.reached(7)), (Some(at(12)), Some(at(14))));
        assert_eq!(timeline.reached(8), None);
        assert_eq!((timeline.next(at(1)), timeline.next(at(13))), (Some(at(12)), Some(at(14))));
        assert_eq!(timeline.next(at(14)), None);
        timeline.prune(at(13));
        assert_eq!((timeline.0.len(), timeline.at(at(13))), (2, Some(6)));
    }
}
