//! Transactions that a leader asks their coordinator about before a partition's first batch of
//! each is appended (KIP-890), so that no batch outlives its transaction unseen.
//!
//! This is a leader's knowledge: it does not follow from the log and is not replicated.

use std::collections::BTreeMap;
use std::time::Duration;

/// Producers remembered at most; the one waiting for longest is forgotten beyond it.
const UNVERIFIED_MAX: usize = 4_096;

/// A producer whose transaction is not known yet to include the partition.
#[derive(Debug)]
pub(crate) struct Unverified {
    /// The lowest first sequence seen. A higher one must not be appended first: the lower, sent
    /// again, would be out of order for ever.
    pub(crate) lowest_sequence: i32,
    /// Whether the client's epoch rises with each transaction (`transaction.version` 2).
    pub(crate) bumps_epoch: bool,
    epoch: i16,
    since: Duration,
}

/// The producers of one partition whose transactions are being verified.
#[derive(Debug, Default)]
pub(crate) struct Verification {
    entries: BTreeMap<i64, Unverified>,
}

impl Verification {
    pub(crate) fn get(&self, id: i64) -> Option<&Unverified> {
        self.entries.get(&id)
    }

    /// A batch of `producer` (id, epoch, first sequence) needs its transaction verified.
    pub(crate) fn begin(&mut self, producer: (i64, i16, i32), bumps_epoch: bool, now: Duration) {
        let (id, epoch, sequence) = producer;
        if self.entries.len() >= UNVERIFIED_MAX && !self.entries.contains_key(&id) {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.since);
            if let Some(oldest) = oldest.map(|(&id, _)| id) {
                self.entries.remove(&oldest);
            }
        }
        let entry = self.entries.entry(id).or_insert(Unverified {
            lowest_sequence: sequence,
            bumps_epoch,
            epoch,
            since: now,
        });
        if epoch > entry.epoch {
            (entry.epoch, entry.lowest_sequence) = (epoch, sequence);
        } else if epoch == entry.epoch {
            entry.lowest_sequence = entry.lowest_sequence.min(sequence);
        }
    }

    /// The producer has written to its transaction, or the transaction has ended.
    pub(crate) fn end(&mut self, id: i64) {
        self.entries.remove(&id);
    }

    /// Forgets who has waited since `before`.
    pub(crate) fn expire(&mut self, before: Duration) {
        self.entries.retain(|_, entry| entry.since > before);
    }

    /// Forgets all, as a replica does that no longer leads.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}
