//! InitProducerId: a producer takes a transactional id, or raises its own epoch (KIP-360).

use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::protocol::StrBytes;

use super::state::{Transaction, TransactionState, is_exhausted};
use super::{Coordinator, ProducerKey};

impl Coordinator {
    /// Checks what can be checked without the transaction, and gives the timeout.
    pub(crate) fn valid(&self, id: &str, timeout_ms: i32) -> Result<Duration, ResponseError> {
        if id.is_empty() || id.len() > self.config.id_bytes_max {
            return Err(ResponseError::InvalidRequest);
        }
        let timeout = u64::try_from(timeout_ms).map_or(Duration::ZERO, Duration::from_millis);
        if timeout.is_zero() || timeout > self.config.timeout_max {
            return Err(ResponseError::InvalidTransactionTimeout);
        }
        Ok(timeout)
    }

    /// Gives the transactional id to who asks. `expected` is what a producer that recovers from an
    /// error believes to be; it is fenced if another one came in between.
    pub(crate) fn init(
        &mut self,
        now: Duration,
        id: &StrBytes,
        timeout_ms: i32,
        expected: Option<ProducerKey>,
    ) -> Result<ProducerKey, ResponseError> {
        let timeout = self.valid(id, timeout_ms)?;
        self.ensure(now, id)?;
        let fresh_id = self.next_producer_id;
        let known = self.transactions.get_mut(id).ok_or(ResponseError::UnknownServerError)?;
        if known.outcome().is_some() {
            return Err(ResponseError::ConcurrentTransactions);
        }
        if expected.is_some_and(|expected| !known.may_be(expected)) {
            return Err(ResponseError::ProducerFenced);
        }
        if known.state == TransactionState::Ongoing {
            // Who asks comes again when the transaction of the one before is aborted.
            known.fence(now);
            self.prepared.push(id.clone());
            self.list(id);
            return Err(ResponseError::ConcurrentTransactions);
        }
        let exhausted = is_exhausted(known.epoch)
            && expected.is_none_or(|expected| expected.epoch == known.epoch);
        let previous = known.producer_id;
        if exhausted {
            known.last_epoch = if expected.is_some() { known.epoch } else { -1 };
            (known.producer_id, known.epoch) = (fresh_id, 0);
            self.next_producer_id += 1;
        } else {
            (known.epoch, known.last_epoch) = known.raised(expected.map(|key| key.epoch))?;
        }
        known.previous_producer_id = previous;
        known.state = TransactionState::Empty;
        known.timeout = timeout;
        known.started = None;
        known.updated = now;
        Ok(known.key())
    }

    /// Makes the transactional id known. At the bound, the one unused for longest makes room.
    fn ensure(&mut self, now: Duration, id: &StrBytes) -> Result<(), ResponseError> {
        if self.transactions.contains_key(id) {
            return Ok(());
        }
        if self.transactions.len() >= self.config.ids_max {
            let idle = self.transactions.iter().filter(|(_, known)| known.is_idle());
            let oldest = idle.min_by_key(|(_, known)| known.updated).map(|(id, _)| id.clone());
            self.transactions.remove(&oldest.ok_or(ResponseError::PolicyViolation)?);
        }
        let producer_id = self.new_producer_id();
        // The id as decoded is a slice of the request's frame and would keep all of it alive.
        let id = StrBytes::from_string(id.as_str().to_owned());
        self.transactions.insert(id, Transaction::new(now, producer_id));
        Ok(())
    }
}

impl Transaction {
    /// Whether a producer that recovers may be the current one: its epoch is looked at when it is
    /// raised. The previous id counts when its epochs are used up, for the answer that gave the
    /// new one may have been lost.
    fn may_be(&self, expected: ProducerKey) -> bool {
        self.epoch == -1
            || expected.id == self.producer_id
            || (expected.id == self.previous_producer_id && is_exhausted(expected.epoch))
    }

    /// The next epoch and the one that the client knows it to follow.
    fn raised(&self, expected: Option<i16>) -> Result<(i16, i16), ResponseError> {
        let next = self.epoch.saturating_add(1);
        match expected {
            None => Ok((next, -1)),
            Some(expected) if self.epoch == -1 || expected == self.epoch => Ok((next, self.epoch)),
            // A retry of what was answered, and the answer was lost.
            Some(expected) if expected == self.last_epoch => Ok((self.epoch, self.last_epoch)),
            Some(_) => Err(ResponseError::ProducerFenced),
        }
    }
}
