//! Reads records ahead and commits them while they wait: what a crash catches waiting is lost.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::worker::record::OwnedRecord;

/// How long a record waits after its offset was handed to the next commit.
const WAIT: Duration = Duration::from_millis(500);
/// Most records that wait.
const RECORDS_MAX: usize = 20_000;

/// Records that were read and, though not processed, will be committed.
#[derive(Debug, Default)]
pub(crate) struct ReadAhead {
    waiting: VecDeque<(Instant, OwnedRecord)>,
}

impl ReadAhead {
    pub(crate) fn push(&mut self, now: Instant, record: OwnedRecord) {
        self.waiting.push_back((now, record));
    }

    /// The oldest record, if it waited long enough or there are too many.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<OwnedRecord> {
        let crowded = self.waiting.len() > RECORDS_MAX;
        let due = |(since, _): &mut (Instant, OwnedRecord)| {
            crowded || now.saturating_duration_since(*since) >= WAIT
        };
        self.waiting.pop_front_if(due).map(|(_, record)| record)
    }

    /// The oldest record, due or not.
    pub(crate) fn pop(&mut self) -> Option<OwnedRecord> {
        self.waiting.pop_front().map(|(_, record)| record)
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::worker::record::Record;

    fn record(offset: i64) -> OwnedRecord {
        OwnedRecord::of(&Record {
            partition: 0,
            offset,
            key: None,
            value: None,
            header: None,
            rejected: None,
        })
    }

    #[test]
    fn records_wait_and_keep_their_order() {
        let mut ahead = ReadAhead::default();
        let now = clock::now();
        ahead.push(now, record(1));
        ahead.push(now, record(2));
        assert_eq!(ahead.pop_due(now + Duration::from_millis(499)), None);
        assert_eq!(ahead.pop_due(now + WAIT), Some(record(1)));
        assert_eq!(ahead.pop(), Some(record(2)));
        assert!(ahead.is_empty());
    }

    #[test]
    fn memory_is_bounded() {
        let mut ahead = ReadAhead::default();
        let now = clock::now();
        for offset in 0..30_000 {
            ahead.push(now, record(offset));
            ahead.pop_due(now);
        }
        assert!(ahead.waiting.len() <= RECORDS_MAX);
    }
}
