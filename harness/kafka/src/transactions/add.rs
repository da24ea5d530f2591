//! AddPartitionsToTxn and AddOffsetsToTxn: who takes part in a transaction.

use std::collections::BTreeSet;
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::protocol::StrBytes;

use super::state::{Transaction, TransactionState};
use super::{Coordinator, Participant, ProducerKey};

impl Coordinator {
    /// Adds participants to the transaction of a producer, and begins it with the first.
    pub(crate) fn add(
        &mut self,
        now: Duration,
        id: &StrBytes,
        producer: ProducerKey,
        participants: &BTreeSet<Participant>,
        bumps_epoch: bool,
    ) -> Result<(), ResponseError> {
        let room = self.config.participants_max.saturating_sub(self.participants);
        let known = self.find(id)?;
        if known.outcome().is_some() {
            return Err(ResponseError::ConcurrentTransactions);
        }
        known.check(producer)?;
        if known.state == TransactionState::Ongoing && participants.is_subset(&known.participants) {
            return Ok(());
        }
        if participants.len() > room {
            return Err(ResponseError::PolicyViolation);
        }
        if known.is_idle() {
            known.started = Some(now);
        }
        let before = known.participants.len();
        known.participants.extend(participants.iter().cloned());
        let added = known.participants.len() - before;
        known.previous_producer_id = known.producer_id;
        known.state = TransactionState::Ongoing;
        known.updated = now;
        known.bumps_epoch = bumps_epoch;
        self.participants += added;
        self.list(id);
        Ok(())
    }

    /// Which of `participants` are in the transaction of a producer (KIP-890).
    pub(crate) fn verify(
        &mut self,
        id: &StrBytes,
        producer: ProducerKey,
        who: &Participant,
    ) -> Result<(), ResponseError> {
        let known = self.find(id)?;
        known.check(producer)?;
        if known.outcome().is_some() {
            return Err(ResponseError::ConcurrentTransactions);
        }
        match known.participants.contains(who) {
            true => Ok(()),
            false => Err(ResponseError::TransactionAbortable),
        }
    }

    pub(super) fn find(&mut self, id: &StrBytes) -> Result<&mut Transaction, ResponseError> {
        if id.is_empty() {
            return Err(ResponseError::InvalidRequest);
        }
        self.transactions.get_mut(id).ok_or(ResponseError::InvalidProducerIdMapping)
    }
}

impl Transaction {
    fn check(&self, producer: ProducerKey) -> Result<(), ResponseError> {
        if self.producer_id != producer.id {
            return Err(ResponseError::InvalidProducerIdMapping);
        }
        if self.epoch != producer.epoch {
            return Err(ResponseError::ProducerFenced);
        }
        Ok(())
    }
}
