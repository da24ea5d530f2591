//! The transactions of one log: which are under way, which ended in markers that are not on all
//! in-sync replicas yet, and which were aborted.
//!
//! From them follow the last stable offset, up to which readers of committed records see the log,
//! and the list of aborted transactions that tells them what to leave out (KIP-98).

use std::collections::{BTreeMap, VecDeque};

use super::producers::{Change, Producers};

/// A transaction that was aborted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Aborted {
    pub(crate) producer_id: i64,
    pub(crate) first_offset: i64,
    /// Offset of the marker.
    last_offset: i64,
    /// The last stable offset once the marker was written: no abort after this one began before.
    last_stable_offset: i64,
}

#[cfg(test)]
impl Aborted {
    pub(crate) fn of(producer_id: i64, first_offset: i64) -> Self {
        let offset = first_offset + 1;
        Self { producer_id, first_offset, last_offset: offset, last_stable_offset: offset + 1 }
    }
}

/// The transactions of a log.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    /// First offset to producer.
    ongoing: BTreeMap<i64, i64>,
    /// First offset and marker of those ended, by marker.
    unreplicated: VecDeque<(i64, i64)>,
    /// By marker; as many as there are batches at most, for each has its marker in the log.
    aborted: VecDeque<Aborted>,
}

impl Transactions {
    /// A batch at `offset` has changed a transaction of `producer_id`.
    pub(crate) fn apply(&mut self, producer_id: i64, offset: i64, change: Change) {
        match change {
            Change::Began { first } => {
                self.ongoing.insert(first, producer_id);
            }
            Change::Ended { first, commit } => {
                self.ongoing.remove(&first);
                self.unreplicated.push_back((first, offset));
                if !commit {
                    let oldest = self.ongoing.first_key_value();
                    self.aborted.push_back(Aborted {
                        producer_id,
                        first_offset: first,
                        last_offset: offset,
                        last_stable_offset: oldest.map_or(offset + 1, |(&first, _)| first),
                    });
                }
            }
        }
    }

    /// The first offset below `high_watermark` whose transaction is not known by all to have
    /// ended, or the high watermark.
    pub(crate) fn last_stable(&self, high_watermark: i64) -> i64 {
        let undecided = self.ongoing.first_key_value().map_or(high_watermark, |(&first, _)| first);
        let known = self.unreplicated.partition_point(|&(_, marker)| marker < high_watermark);
        let unknown = self.unreplicated.range(known..).map(|&(first, _)| first).min();
        undecided.min(unknown.unwrap_or(high_watermark)).min(high_watermark)
    }

    /// The aborted transactions with records in `from..until`.
    pub(crate) fn aborted(&self, from: i64, until: i64) -> Vec<Aborted> {
        let mut found = Vec::new();
        let first = self.aborted.partition_point(|aborted| aborted.last_offset < from);
        for aborted in self.aborted.range(first..) {
            if aborted.first_offset < until {
                found.push(*aborted);
            }
            if aborted.last_stable_offset >= until {
                break;
            }
        }
        found
    }

    /// Everything below `high_watermark` is on all in-sync replicas.
    pub(crate) fn replicated(&mut self, high_watermark: i64) {
        while self.unreplicated.front().is_some_and(|&(_, marker)| marker < high_watermark) {
            self.unreplicated.pop_front();
        }
    }

    /// Forgets aborted transactions that lie wholly before `log_start`.
    pub(crate) fn advance_start(&mut self, log_start: i64) {
        self.replicated(log_start);
        while self.aborted.front().is_some_and(|aborted| aborted.last_offset < log_start) {
            self.aborted.pop_front();
        }
    }

    /// Drops what happened from `end` on; `producers` are as they were there. What ended before
    /// lies below the high watermark, as a truncation does.
    pub(crate) fn truncate(&mut self, end: i64, producers: &Producers) {
        let began = |(id, producer): (i64, &super::producers::Producer)| {
            producer.transaction.map(|first| (first, id))
        };
        self.ongoing = producers.iter().filter_map(began).collect();
        self.unreplicated.retain(|&(_, marker)| marker < end);
        while self.aborted.back().is_some_and(|aborted| aborted.last_offset >= end) {
            self.aborted.pop_back();
        }
    }
}

#[cfg(test)]
mod tests;
