//! The transaction coordinator (KIP-98, 360, 447, 890) as a pure state machine: which producer
//! has which transactional id, in which epoch, and how far its transaction has come.
//!
//! Time comes in with every call. Ending a transaction takes two steps, as in Kafka: it is
//! *prepared*, which decides the outcome, and it is *complete* when every participant has its
//! marker. Writing the markers is the caller's part: [`Coordinator::take_prepared`] names the
//! transactions to end, [`Coordinator::marked`] takes note of each marker.
//!
//! `init`, `add` and `end` hold the rules of Kafka's `TransactionCoordinator` and
//! `TransactionMetadata` (4.1, with `transaction.version` 2), `state` the states, `describe` reads.

mod add;
mod describe;
mod end;
mod init;
mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kafka_protocol::protocol::StrBytes;

pub(crate) use describe::Listing;
pub use describe::TransactionView;
use state::Transaction;
pub use state::TransactionState;

/// A producer in one of its epochs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ProducerKey {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
}

/// What takes part in a transaction and gets a marker at its end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Participant {
    /// A partition of a topic.
    Partition(StrBytes, i32),
    /// The groups of one coordinator slot, whose offsets the transaction commits.
    Offsets(i32),
}

/// A transaction whose end is decided, and who has no marker yet.
#[derive(Debug)]
pub(crate) struct Completion<'a> {
    pub(crate) producer: ProducerKey,
    pub(crate) commit: bool,
    pub(crate) participants: &'a BTreeSet<Participant>,
}

/// Timing and bounds of the coordinator. A request over a bound is refused with an error code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TransactionConfig {
    /// The longest transaction timeout that a producer may ask for.
    pub(crate) timeout_max: Duration,
    /// How long an unused transactional id is remembered.
    pub(crate) id_expiration: Duration,
    /// Transactional ids known at once. At the bound an unused one makes room.
    pub(crate) ids_max: usize,
    /// Bytes of one transactional id.
    pub(crate) id_bytes_max: usize,
    /// Participants of all transactions together.
    pub(crate) participants_max: usize,
}

impl Default for TransactionConfig {
    fn default() -> Self {
        Self {
            timeout_max: Duration::from_secs(15 * 60),
            id_expiration: Duration::from_secs(7 * 24 * 3600),
            ids_max: 10_000,
            id_bytes_max: 1_024,
            participants_max: 1_000_000,
        }
    }
}

/// The coordinator of every transactional id of a cluster.
#[derive(Debug)]
pub(crate) struct Coordinator {
    config: TransactionConfig,
    transactions: BTreeMap<StrBytes, Transaction>,
    /// When each transaction under way is aborted.
    deadlines: BTreeSet<(Duration, StrBytes)>,
    /// Those prepared since the caller asked last.
    prepared: Vec<StrBytes>,
    participants: usize,
    next_producer_id: i64,
}

impl Coordinator {
    pub(crate) fn new(config: TransactionConfig) -> Self {
        Self {
            config,
            transactions: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            prepared: Vec::new(),
            participants: 0,
            next_producer_id: 1,
        }
    }

    /// A producer id that was never given out.
    pub(crate) fn new_producer_id(&mut self) -> i64 {
        self.next_producer_id += 1;
        self.next_producer_id - 1
    }

    /// The transactions that were prepared since the last call.
    pub(crate) fn take_prepared(&mut self) -> Vec<StrBytes> {
        std::mem::take(&mut self.prepared)
    }

    /// The transactional ids whose transactions are prepared and not complete.
    pub(crate) fn completing(&self) -> impl Iterator<Item = &StrBytes> {
        let prepared = self.transactions.iter().filter(|(_, known)| known.outcome().is_some());
        prepared.map(|(id, _)| id)
    }

    /// What is left to do for a prepared transaction.
    pub(crate) fn completion(&self, id: &StrBytes) -> Option<Completion<'_>> {
        let known = self.transactions.get(id)?;
        let commit = known.outcome()?;
        Some(Completion { producer: known.key(), commit, participants: &known.participants })
    }

    /// A participant has its marker, or is no more. Returns whether that was the last one, so that
    /// the transaction is complete.
    pub(crate) fn marked(&mut self, now: Duration, id: &StrBytes, who: &Participant) -> bool {
        let Some(known) = self.transactions.get_mut(id) else { return false };
        if known.outcome().is_none() {
            return false;
        }
        self.participants -= usize::from(known.participants.remove(who));
        known.complete_if_marked(now)
    }

    /// Nobody is to get a marker: the transaction is complete. Returns whether it is.
    pub(crate) fn complete_if_marked(&mut self, now: Duration, id: &StrBytes) -> bool {
        self.transactions.get_mut(id).is_some_and(|known| known.complete_if_marked(now))
    }

    /// When [`Self::abort_due`] has something to do next.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.deadlines.first().map(|&(deadline, _)| deadline)
    }

    /// Aborts the transactions whose time is up, as far as their coordinator is `available`; the
    /// others are looked at again after `retry`.
    pub(crate) fn abort_due(
        &mut self,
        now: Duration,
        available: impl Fn(&str) -> bool,
        retry: Duration,
    ) {
        while let Some((deadline, id)) = self.deadlines.first().cloned() {
            if deadline > now {
                break;
            }
            self.deadlines.pop_first();
            let Some(known) = self.transactions.get_mut(&id) else { continue };
            known.listed = None;
            if available(&id) {
                known.fence(now);
                self.prepared.push(id);
            } else {
                known.listed = Some(now + retry);
                self.deadlines.insert((now + retry, id));
            }
        }
    }

    /// Forgets the transactional ids that were not used for long.
    pub(crate) fn expire(&mut self, now: Duration) {
        let kept = self.config.id_expiration;
        self.transactions.retain(|_, known| !known.is_idle() || known.updated + kept > now);
    }

    /// A transaction has changed: keeps its place on the list of deadlines.
    fn list(&mut self, id: &StrBytes) {
        let Some(known) = self.transactions.get_mut(id) else { return };
        let (before, after) = (known.listed, known.deadline());
        if before == after {
            return;
        }
        known.listed = after;
        let Some((id, _)) = self.transactions.get_key_value(id) else { return };
        if let Some(before) = before {
            self.deadlines.remove(&(before, id.clone()));
        }
        if let Some(after) = after {
            self.deadlines.insert((after, id.clone()));
        }
    }
}
