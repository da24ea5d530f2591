//! What the producers of one partition have appended last (KIP-98): each batch's sequence is
//! checked against it, and a batch that was appended already is answered as it was then.
//!
//! The rules are those of Kafka's `ProducerStateManager` and `ProducerAppendInfo` (4.1).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use kafka_protocol::ResponseError;

use super::Batch;
use super::batch::Marker;
use super::verification::Unverified;

/// Kafka remembers this many batches of each producer, as many as a producer may have in flight.
const BATCHES_REMEMBERED: usize = 5;

/// Producers remembered for a partition, beside those in a transaction (which are as many as the
/// transaction coordinator lets there be); the one silent for longest is forgotten beyond it.
const PRODUCERS_MAX: usize = 4_096;

/// What the producers of one partition have appended up to an offset.
#[derive(Debug, Default, Clone)]
pub(crate) struct Producers {
    entries: BTreeMap<i64, Producer>,
}

/// What one producer has appended.
#[derive(Debug, Clone)]
pub(crate) struct Producer {
    pub(crate) epoch: i16,
    /// Epoch of the coordinator that wrote the producer's last marker; -1 before the first.
    pub(crate) coordinator_epoch: i32,
    /// Timestamp of the last batch or marker, as its writer set it.
    pub(crate) last_timestamp_ms: i64,
    /// First offset of the transaction under way.
    pub(crate) transaction: Option<i64>,
    batches: VecDeque<Appended>,
    last_append: Duration,
}

#[derive(Debug, Clone)]
struct Appended {
    first_sequence: i32,
    last_sequence: i32,
    base_offset: i64,
    last_offset: i64,
    timestamp_ms: i64,
}

/// What to do with a batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sequence {
    /// It is the producer's next.
    Next,
    /// It was appended already, with these first and last offsets and this newest timestamp.
    Duplicate { first: i64, last: i64, timestamp_ms: i64 },
}

/// What an append did to a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Its first batch is at this offset.
    Began { first: i64 },
    /// A marker ended what began at `first`.
    Ended { first: i64, commit: bool },
}

impl Producer {
    fn new(now: Duration) -> Self {
        Self {
            epoch: -1,
            coordinator_epoch: -1,
            last_timestamp_ms: -1,
            transaction: None,
            batches: VecDeque::new(),
            last_append: now,
        }
    }

    /// Sequence of the last record; -1 if none is known in this epoch.
    pub(crate) fn last_sequence(&self) -> i32 {
        self.batches.back().map_or(-1, |appended| appended.last_sequence)
    }

    fn enter_epoch(&mut self, epoch: i16) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.batches.clear();
        }
    }
}

impl Producers {
    /// The producers by id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (i64, &Producer)> {
        self.entries.iter().map(|(&id, producer)| (id, producer))
    }

    pub(crate) fn get(&self, id: i64) -> Option<&Producer> {
        self.entries.get(&id)
    }

    /// Whether a transaction of this epoch of the producer is under way here.
    pub(crate) fn in_transaction(&self, id: i64, epoch: i16) -> bool {
        self.get(id).is_some_and(|known| known.transaction.is_some() && known.epoch == epoch)
    }

    /// Compares a client's batch with what its producer appended before. `unverified` is what is
    /// known of a transaction that the coordinator was asked about for this partition.
    pub(crate) fn check(
        &self,
        batch: &Batch,
        unverified: Option<&Unverified>,
    ) -> Result<Sequence, ResponseError> {
        if batch.producer_id < 0 {
            return Ok(Sequence::Next);
        }
        let known = self.get(batch.producer_id);
        if let Some(appended) = known.and_then(|known| known.find(batch)) {
            return Ok(Sequence::Duplicate {
                first: appended.base_offset,
                last: appended.last_offset,
                timestamp_ms: appended.timestamp_ms,
            });
        }
        let transactional = batch.is_transactional();
        let ongoing = known.filter(|known| known.transaction.is_some());
        let same = ongoing.is_some_and(|known| known.epoch == batch.producer_epoch);
        if transactional && !same && unverified.is_none() {
            return Err(ResponseError::InvalidTxnState);
        }
        check_sequence(batch, known, unverified)?;
        if ongoing.is_some() && !transactional {
            return Err(ResponseError::InvalidTxnState);
        }
        Ok(Sequence::Next)
    }

    /// Compares a coordinator's marker with what is known of the producer.
    pub(crate) fn check_marker(&self, batch: &Batch, marker: Marker) -> Result<(), ResponseError> {
        let Some(known) = self.get(batch.producer_id) else { return Ok(()) };
        if batch.producer_epoch < known.epoch {
            return Err(ResponseError::InvalidProducerEpoch);
        }
        if marker.coordinator_epoch < known.coordinator_epoch {
            return Err(ResponseError::TransactionCoordinatorFenced);
        }
        Ok(())
    }

    /// Remembers a batch that was appended, with its offsets and time.
    pub(crate) fn remember(&mut self, batch: &Batch) -> Option<Change> {
        if batch.producer_id < 0 {
            return None;
        }
        let now = batch.appended_at;
        if self.entries.len() >= PRODUCERS_MAX && !self.entries.contains_key(&batch.producer_id) {
            self.forget_oldest();
        }
        let producer = self.entries.entry(batch.producer_id).or_insert_with(|| Producer::new(now));
        producer.enter_epoch(batch.producer_epoch);
        producer.last_append = now;
        producer.last_timestamp_ms = batch.max_timestamp_ms;
        if batch.is_control() {
            let marker = batch.marker()?;
            producer.coordinator_epoch = marker.coordinator_epoch;
            let first = producer.transaction.take()?;
            return Some(Change::Ended { first, commit: marker.commit });
        }
        if producer.batches.len() == BATCHES_REMEMBERED {
            producer.batches.pop_front();
        }
        producer.batches.push_back(Appended {
            first_sequence: batch.base_sequence,
            last_sequence: batch.last_sequence(),
            base_offset: batch.base_offset,
            last_offset: batch.last_offset(),
            timestamp_ms: batch.max_timestamp_ms,
        });
        if !batch.is_transactional() || producer.transaction.is_some() {
            return None;
        }
        producer.transaction = Some(batch.base_offset);
        Some(Change::Began { first: batch.base_offset })
    }

    /// Forgets producers without a transaction that appended nothing since `before`.
    pub(crate) fn expire(&mut self, before: Duration) {
        self.entries
            .retain(|_, producer| producer.transaction.is_some() || producer.last_append > before);
    }

    fn forget_oldest(&mut self) {
        let idle = self.entries.iter().filter(|(_, producer)| producer.transaction.is_none());
        let oldest = idle.min_by_key(|(_, producer)| producer.last_append);
        if let Some(id) = oldest.map(|(&id, _)| id) {
            self.entries.remove(&id);
        }
    }
}

impl Producer {
    fn find(&self, batch: &Batch) -> Option<&Appended> {
        let last = batch.last_sequence();
        let mut batches = self.batches.iter().filter(|_| self.epoch == batch.producer_epoch);
        batches.find(|appended| {
            appended.first_sequence == batch.base_sequence && appended.last_sequence == last
        })
    }
}

fn check_sequence(
    batch: &Batch,
    known: Option<&Producer>,
    unverified: Option<&Unverified>,
) -> Result<(), ResponseError> {
    let first = batch.base_sequence;
    if known.is_some_and(|known| batch.producer_epoch < known.epoch) {
        return Err(ResponseError::InvalidProducerEpoch);
    }
    if let Some(unverified) = unverified {
        let nothing_known = known.is_none_or(|known| known.batches.is_empty());
        let fresh = unverified.bumps_epoch && nothing_known && first != 0;
        if fresh || first > unverified.lowest_sequence {
            return Err(ResponseError::OutOfOrderSequenceNumber);
        }
    }
    let in_order = match known {
        // Nothing is known of the producer, perhaps no longer: it may be in mid-sequence.
        None => true,
        Some(known) if known.epoch != batch.producer_epoch => first == 0,
        Some(known) => first == after(known.last_sequence()),
    };
    if in_order { Ok(()) } else { Err(ResponseError::OutOfOrderSequenceNumber) }
}

fn after(sequence: i32) -> i32 {
    sequence.checked_add(1).unwrap_or(0)
}

#[cfg(test)]
mod tests;
