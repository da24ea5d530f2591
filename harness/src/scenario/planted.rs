//! Bugs that a scenario plants, to prove that the checkers find them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use workloads::worker::PlantedBug;

/// A bug in the worker under test, or in the harness that measures it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// In the reference worker.
    Worker(PlantedBug),
    /// In the harness.
    Harness(HarnessBug),
}

/// A mistake that the harness makes when asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HarnessBug {
    /// The driver stamps messages when it sends them, not when the schedule said to: coordinated
    /// omission.
    StampAtSend,
    /// The recorders of response times drop what is slower.
    DropSlowerThan {
        /// The slowest response time that is still recorded.
        limit: Duration,
    },
    /// The collector drops what a poll gave it, ten records of a partition in so many.
    SkipPoll {
        /// Once in this many offsets.
        every: i64,
    },
}

/// Records that a skipped poll takes along.
const POLL_RECORDS: i64 = 10;

impl HarnessBug {
    /// Whether the collector never gets to see the record at an offset.
    pub fn skips(self, offset: i64) -> bool {
        let Self::SkipPoll { every } = self else { return false };
        (every / 2..every / 2 + POLL_RECORDS).contains(&(offset % every))
    }

    /// Whether the recorders drop a response time.
    pub fn drops(self, response_us: i64) -> bool {
        let Self::DropSlowerThan { limit } = self else { return false };
        u128::try_from(response_us).is_ok_and(|response_us| response_us > limit.as_micros())
    }
}

impl FromStr for Planted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = |error: String| {
            format!(
                "{error}; in the harness: stamp_at_send, drop_slower_than:DURATION, skip_poll:N \
                 (N: once in how many offsets, 20 or more)"
            )
        };
        let harness = match text.split_once(':') {
            None if text == "stamp_at_send" => Some(HarnessBug::StampAtSend),
            Some(("drop_slower_than", limit)) => humantime::parse_duration(limit)
                .ok()
                .map(|limit| HarnessBug::DropSlowerThan { limit }),
            Some(("skip_poll", every)) => every
                .parse()
                .ok()
                .filter(|every| *every >= 2 * POLL_RECORDS)
                .map(|every| HarnessBug::SkipPoll { every }),
            _ => None,
        };
        match harness {
            Some(bug) => Ok(Self::Harness(bug)),
            None => text.parse().map(Self::Worker).map_err(refused),
        }
    }
}

impl fmt::Display for HarnessBug {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StampAtSend => write!(formatter, "stamp_at_send"),
            Self::DropSlowerThan { limit } => {
                write!(formatter, "drop_slower_than:{}", humantime::format_duration(*limit))
            }
            Self::SkipPoll { every } => write!(formatter, "skip_poll:{every}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bugs_of_worker_and_harness_are_told_apart_and_others_refused() {
        for text in ["stamp_at_send", "drop_slower_than:10ms", "skip_poll:500"] {
            match text.parse() {
                Ok(Planted::Harness(bug)) => assert_eq!(bug.to_string(), text),
                other => panic!("{text}: {other:?}"),
            }
        }
        assert!(matches!("drop_one_in:10".parse(), Ok(Planted::Worker(_))));
        for text in ["", "skip_poll", "skip_poll:19", "skip_poll:-1", "drop_slower_than:x"] {
            let error = text.parse::<Planted>().unwrap_err();
            assert!(error.contains("stamp_at_send") && error.contains("drop_one_in:N"), "{error}");
        }
    }

    #[test]
    fn a_bug_does_what_it_says_and_nothing_else() {
        let bug = HarnessBug::SkipPoll { every: 100 };
        assert_eq!((0..1_000).filter(|offset| bug.skips(*offset)).count(), 100);
        assert!(!bug.drops(i64::MAX));
        let bug = HarnessBug::DropSlowerThan { limit: Duration::from_millis(10) };
        assert_eq!([10_000, 10_001, -1].map(|us| bug.drops(us)), [false, true, false]);
        assert!(!bug.skips(50));
    }
}
