//! One transactional id: its producer, its epochs and the state of its transaction.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::{Participant, ProducerKey};

/// How far a transaction has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransactionState {
    /// The producer is known and has not written yet.
    Empty,
    /// Records are being written.
    Ongoing,
    /// The transaction will commit; the markers are being written.
    PrepareCommit,
    /// The transaction will abort; the markers are being written.
    PrepareAbort,
    /// The last transaction was committed.
    CompleteCommit,
    /// The last transaction was aborted.
    CompleteAbort,
}

impl TransactionState {
    /// Every state.
    pub(super) const ALL: [Self; 6] = [
        Self::Empty,
        Self::Ongoing,
        Self::PrepareCommit,
        Self::PrepareAbort,
        Self::CompleteCommit,
        Self::CompleteAbort,
    ];

    /// Kafka's name of the state.
    pub fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::PrepareCommit => "PrepareCommit",
            Self::PrepareAbort => "PrepareAbort",
            Self::CompleteCommit => "CompleteCommit",
            Self::CompleteAbort => "CompleteAbort",
        }
    }
}

impl fmt::Display for TransactionState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What the coordinator knows of a transactional id.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) producer_id: i64,
    /// The producer id before the last change of state: a client may not know yet that its id was
    /// exchanged.
    pub(super) previous_producer_id: i64,
    /// The id that a producer gets at completion because its epochs are used up; else -1.
    pub(super) next_producer_id: i64,
    pub(super) epoch: i16,
    /// The epoch from which the client itself raised to the current one; else -1 (KIP-360).
    pub(super) last_epoch: i16,
    pub(super) timeout: Duration,
    pub(super) state: TransactionState,
    pub(super) participants: BTreeSet<Participant>,
    pub(super) started: Option<Duration>,
    pub(super) updated: Duration,
    /// Whether the epoch rises with each transaction (`transaction.version` 2).
    pub(super) bumps_epoch: bool,
    /// The deadline under which the transaction is listed.
    pub(super) listed: Option<Duration>,
}

/// Epochs at and after this one are not for clients: one must be left to fence them.
const EPOCH_EXHAUSTED: i16 = i16::MAX - 1;

pub(super) fn is_exhausted(epoch: i16) -> bool {
    epoch >= EPOCH_EXHAUSTED
}

impl Transaction {
    pub(super) fn new(now: Duration, producer_id: i64) -> Self {
        Self {
            producer_id,
            previous_producer_id: -1,
            next_producer_id: -1,
            epoch: -1,
            last_epoch: -1,
            timeout: Duration::ZERO,
            state: TransactionState::Empty,
            participants: BTreeSet::new(),
            started: None,
            updated: now,
            bumps_epoch: false,
            listed: None,
        }
    }

    pub(super) fn key(&self) -> ProducerKey {
        ProducerKey { id: self.producer_id, epoch: self.epoch }
    }

    /// Whether a prepared transaction commits; `None` if it is not prepared.
    pub(super) fn outcome(&self) -> Option<bool> {
        match self.state {
            TransactionState::PrepareCommit => Some(true),
            TransactionState::PrepareAbort => Some(false),
            _ => None,
        }
    }

    /// Whether no transaction is under way.
    pub(super) fn is_idle(&self) -> bool {
        use TransactionState::{CompleteAbort, CompleteCommit, Empty};
        matches!(self.state, Empty | CompleteAbort | CompleteCommit)
    }

    /// When the transaction is aborted.
    pub(super) fn deadline(&self) -> Option<Duration> {
        let started = self.started.filter(|_| self.state == TransactionState::Ongoing)?;
        Some(started.saturating_add(self.timeout))
    }

    /// Decides the outcome. With `bumps_epoch` the epoch rises, so that what the producer has sent
    /// for this transaction and is still on its way comes too late (KIP-890).
    pub(super) fn prepare(&mut self, now: Duration, commit: bool, bumps_epoch: bool) {
        let idle = self.is_idle();
        self.previous_producer_id = self.producer_id;
        if bumps_epoch {
            (self.epoch, self.last_epoch) = (self.epoch.saturating_add(1), self.epoch);
        }
        self.state = match commit {
            true => TransactionState::PrepareCommit,
            false => TransactionState::PrepareAbort,
        };
        if idle {
            self.started = Some(now);
        }
        self.bumps_epoch = bumps_epoch;
        self.updated = now;
    }

    /// Aborts what is under way because its time is up or another producer comes in. The server
    /// itself always raises the epoch.
    pub(super) fn fence(&mut self, now: Duration) {
        self.next_producer_id = -1;
        self.prepare(now, false, true);
    }

    /// Completes a prepared transaction when nobody is left without a marker.
    pub(super) fn complete_if_marked(&mut self, now: Duration) -> bool {
        let Some(commit) = self.outcome().filter(|_| self.participants.is_empty()) else {
            return false;
        };
        let next = self.after_completion();
        self.previous_producer_id = self.producer_id;
        (self.producer_id, self.epoch) = (next.id, next.epoch);
        self.next_producer_id = -1;
        self.state = match commit {
            true => TransactionState::CompleteCommit,
            false => TransactionState::CompleteAbort,
        };
        self.updated = now;
        true
    }

    /// The producer that a prepared transaction leaves.
    pub(super) fn after_completion(&self) -> ProducerKey {
        if self.bumps_epoch && self.next_producer_id >= 0 {
            return ProducerKey { id: self.next_producer_id, epoch: 0 };
        }
        self.key()
    }
}
