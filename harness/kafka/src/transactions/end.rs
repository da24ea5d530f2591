//! EndTxn: a producer commits or aborts.
//!
//! A client of `transaction.version` 2 gets a new epoch with each answer, so the epoch that it
//! sends tells a repeated request from a new one:
//!
//! | state          | abort, repeated | abort, new | commit, repeated | commit, new |
//! |----------------|-----------------|------------|------------------|-------------|
//! | Empty          | fenced          | new epoch  | fenced           | invalid     |
//! | CompleteAbort  | as before       | new epoch  | invalid          | invalid     |
//! | CompleteCommit | invalid         | new epoch  | as before        | invalid     |

use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::protocol::StrBytes;

use super::state::{Transaction, TransactionState, is_exhausted};
use super::{Coordinator, ProducerKey};

/// What an EndTxn that is in order asks for.
enum Step {
    /// The outcome is decided now.
    Prepare,
    /// It was asked before and has been done.
    Done,
}

impl Coordinator {
    /// Ends the transaction of a producer. Gives the producer to go on as; clients before
    /// `transaction.version` 2 (`bumps_epoch`) stay what they are.
    pub(crate) fn end(
        &mut self,
        now: Duration,
        id: &StrBytes,
        producer: ProducerKey,
        commit: bool,
        bumps_epoch: bool,
    ) -> Result<ProducerKey, ResponseError> {
        let fresh_id = self.next_producer_id;
        let known = self.find(id)?;
        let step = match bumps_epoch {
            true => known.step(producer, commit)?,
            false => known.step_in_same_epoch(producer, commit)?,
        };
        if matches!(step, Step::Done) {
            return Ok(known.key());
        }
        let rotates = bumps_epoch && is_exhausted(known.epoch);
        known.next_producer_id = if rotates { fresh_id } else { -1 };
        known.prepare(now, commit, bumps_epoch);
        let next = known.after_completion();
        self.next_producer_id += i64::from(rotates);
        self.prepared.push(id.clone());
        self.list(id);
        Ok(next)
    }
}

impl Transaction {
    fn step(&self, producer: ProducerKey, commit: bool) -> Result<Step, ResponseError> {
        use TransactionState::{CompleteAbort, CompleteCommit, Empty, Ongoing};
        if self.outcome().is_some() {
            return Err(ResponseError::ConcurrentTransactions);
        }
        let exchanged = self.previous_producer_id == producer.id
            && producer.epoch == i16::MAX - 1
            && self.epoch == 0;
        let raised = i32::from(self.epoch) == i32::from(producer.epoch) + 1;
        let same = self.epoch == producer.epoch;
        let repeated = raised || exchanged;
        if self.producer_id != producer.id && !exchanged {
            return Err(ResponseError::InvalidProducerIdMapping);
        }
        let valid = match self.state {
            CompleteAbort | CompleteCommit => repeated || same,
            _ => same,
        };
        if !valid {
            return Err(ResponseError::ProducerFenced);
        }
        match (self.state, commit) {
            (Ongoing, _) | (Empty, false) => Ok(Step::Prepare),
            (CompleteAbort, false) | (CompleteCommit, true) if repeated => Ok(Step::Done),
            (CompleteAbort | CompleteCommit, false) if !repeated => Ok(Step::Prepare),
            _ => Err(ResponseError::InvalidTxnState),
        }
    }

    fn step_in_same_epoch(
        &self,
        producer: ProducerKey,
        commit: bool,
    ) -> Result<Step, ResponseError> {
        use TransactionState::{CompleteAbort, CompleteCommit, Ongoing};
        if self.producer_id != producer.id {
            return Err(ResponseError::InvalidProducerIdMapping);
        }
        if self.epoch != producer.epoch {
            return Err(ResponseError::ProducerFenced);
        }
        if self.outcome().is_some() {
            return Err(ResponseError::ConcurrentTransactions);
        }
        match (self.state, commit) {
            (Ongoing, _) => Ok(Step::Prepare),
            (CompleteAbort, false) | (CompleteCommit, true) => Ok(Step::Done),
            _ => Err(ResponseError::InvalidTxnState),
        }
    }
}
