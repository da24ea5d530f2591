//! What belongs to the open transaction, and what an error of it asks for.
//!
//! A transaction is bounded in time (the commit interval) and in records. It remembers where each
//! partition stood before it, so that an abort can go back there: to the first offset taken since,
//! which is the position committed last, as records are taken in order.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use rdkafka::error::KafkaError;

use crate::worker::commit::Positions;

/// Most records in one transaction: what an abort repeats, and what is remembered of it.
const RECORDS_MAX: usize = 10_000;

/// The open transaction, if there is one, and the partitions owned.
#[derive(Debug)]
pub(super) struct Transaction {
    interval: Duration,
    owned: HashSet<i32>,
    begun: Option<Instant>,
    /// The client takes no more results in it: all that is left is to abort it.
    broken: bool,
    records: usize,
    /// Where to read again after an abort.
    back: Positions,
    /// Where to read on after a commit.
    next: Positions,
    /// Intended times of the results written, in microseconds since the Unix epoch.
    intended_us: Vec<u64>,
}

/// What an error of the transactional client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    /// The same call again.
    Retry,
    /// To abort the transaction and go on with another.
    Abort,
    /// To end the worker: it was fenced, say, or the brokers refuse it.
    Stop,
}

impl Transaction {
    pub(super) fn new(interval: Duration) -> Self {
        Self {
            interval,
            owned: HashSet::new(),
            begun: None,
            broken: false,
            records: 0,
            back: Positions::new(),
            next: Positions::new(),
            intended_us: Vec::new(),
        }
    }

    pub(super) fn assigned(&mut self, partitions: &[i32]) {
        self.owned.extend(partitions);
    }

    /// Nothing of these partitions will be committed, or read again, by this worker.
    pub(super) fn revoked(&mut self, partitions: &[i32]) {
        for partition in partitions {
            self.owned.remove(partition);
            self.back.remove(partition);
            self.next.remove(partition);
        }
    }

    pub(super) fn owned(&self) -> usize {
        self.owned.len()
    }

    pub(super) fn is_open(&self) -> bool {
        self.begun.is_some()
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    pub(super) fn begin(&mut self, now: Instant) {
        self.begun = Some(now);
    }

    /// A result was handed to the client.
    pub(super) fn wrote(&mut self, intended_us: Option<u64>) {
        self.intended_us.extend(intended_us);
    }

    /// A result was refused, since the transaction must be aborted.
    pub(super) fn refused(&mut self) {
        self.broken = true;
    }

    /// A record was taken.
    pub(super) fn consumed(&mut self, partition: i32, offset: i64) {
        self.records += 1;
        if self.owned.contains(&partition) {
            self.back.entry(partition).or_insert(offset);
            self.next.insert(partition, offset + 1);
        }
    }

    /// Whether it is time to end the transaction.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        let old =
            |begun: Instant| now.saturating_duration_since(begun) >= self.interval || self.broken;
        self.begun.is_some_and(|begun| old(begun) || self.records >= RECORDS_MAX)
    }

    /// The offsets to commit.
    pub(super) fn offsets(&self) -> &Positions {
        &self.next
    }

    /// The transaction was committed; the intended times of its results.
    pub(super) fn committed(&mut self) -> Vec<u64> {
        let intended_us = std::mem::take(&mut self.intended_us);
        self.close();
        intended_us
    }

    /// The transaction was aborted; where to read again.
    pub(super) fn aborted(&mut self) -> Positions {
        let back = std::mem::take(&mut self.back);
        self.close();
        back
    }

    fn close(&mut self) {
        *self = Self { owned: std::mem::take(&mut self.owned), ..Self::new(self.interval) };
    }
}

/// What an error of the transactional client asks for.
pub(super) fn remedy(error: &KafkaError) -> Remedy {
    match error {
        KafkaError::Transaction(error) => {
            weigh(error.is_fatal(), error.txn_requires_abort(), error.is_retriable())
        }
        // Results that could not be sent in time; whether they still can is found next time.
        KafkaError::Flush(_) => Remedy::Retry,
        _ => Remedy::Stop,
    }
}

/// librdkafka's three properties of an error, the worst first.
fn weigh(fatal: bool, requires_abort: bool, retriable: bool) -> Remedy {
    match (fatal, requires_abort, retriable) {
        (true, _, _) | (false, false, false) => Remedy::Stop,
        (false, true, _) => Remedy::Abort,
        (false, false, true) => Remedy::Retry,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use proptest::prelude::*;

    const INTERVAL: Duration = Duration::from_millis(100);

    fn open(partitions: &[i32]) -> (Transaction, Instant) {
        let (mut transaction, now) = (Transaction::new(INTERVAL), clock::now());
        transaction.assigned(partitions);
        transaction.begin(now);
        (transaction, now)
    }

    #[test]
    fn a_transaction_ends_by_time_or_by_size_or_when_it_is_broken() {
        let (mut transaction, now) = open(&[0]);
        assert!(!transaction.is_due(now));
        assert!(transaction.is_due(now + INTERVAL));
        (0..RECORDS_MAX as i64).for_each(|offset| transaction.consumed(0, offset));
        assert!(transaction.is_due(now));
        transaction.committed();
        assert!(!transaction.is_due(now + INTERVAL), "nothing is open");
        transaction.begin(now);
        transaction.refused();
        assert!(transaction.is_due(now));
    }

    #[test]
    fn a_commit_takes_the_last_offsets_and_an_abort_goes_back_to_the_first() {
        let (mut transaction, now) = open(&[0, 1]);
        transaction.consumed(0, 41);
        transaction.consumed(0, 43);
        transaction.consumed(1, 7);
        transaction.wrote(Some(1_000));
        assert_eq!(transaction.offsets(), &Positions::from([(0, 44), (1, 8)]));
        assert_eq!(transaction.aborted(), Positions::from([(0, 41), (1, 7)]));
        assert!(transaction.offsets().is_empty() && !transaction.is_open());
        transaction.begin(now);
        assert!(transaction.committed().is_empty(), "what was aborted has no latency");
    }

    #[test]
    fn partitions_given_up_are_neither_committed_nor_read_again() {
        let (mut transaction, _) = open(&[0, 1]);
        transaction.consumed(0, 5);
        transaction.consumed(1, 6);
        transaction.revoked(&[0]);
        transaction.consumed(0, 6);
        assert_eq!(transaction.offsets(), &Positions::from([(1, 7)]));
        assert_eq!(transaction.aborted(), Positions::from([(1, 6)]));
        assert_eq!(transaction.owned(), 1);
    }

    #[test]
    fn the_worst_property_of_an_error_decides() {
        assert_eq!(weigh(true, true, true), Remedy::Stop);
        assert_eq!(weigh(false, true, true), Remedy::Abort);
        assert_eq!(weigh(false, false, true), Remedy::Retry);
        assert_eq!(weigh(false, false, false), Remedy::Stop);
    }

    proptest! {
        /// Whatever commits and aborts there are, each record counts in exactly one commit.
        #[test]
        fn commits_are_without_gap_or_overlap(
            steps in prop::collection::vec(0_u8..6, 1..200),
        ) {
            let (mut transaction, now) = open(&[0]);
            let (mut position, mut committed) = (0_i64, 0_i64);
            let mut taken = Vec::new();
            for step in steps {
                if !transaction.is_open() {
                    transaction.begin(now);
                }
                match step {
                    0 => {
                        let next = transaction.offsets().get(&0).copied();
                        let count = i64::try_from(taken.len()).unwrap();
                        prop_assert_eq!(next.unwrap_or(committed) - committed, count);
                        transaction.committed();
                        committed = next.unwrap_or(committed);
                        taken.clear();
                    }
                    1 => {
                        position = transaction.aborted().get(&0).copied().unwrap_or(position);
                        prop_assert_eq!(position, committed);
                        taken.clear();
                    }
                    _ => {
                        transaction.consumed(0, position);
                        taken.push(position);
                        position += 1;
                    }
                }
            }
        }
    }
}
