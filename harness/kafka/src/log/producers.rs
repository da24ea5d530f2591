//! Idempotent producers (KIP-98): each batch's sequence is checked against what its producer
//! appended before, and a batch that was appended already is answered as it was then.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use kafka_protocol::ResponseError;

use super::Batch;

/// Kafka remembers this many batches of each producer, as many as a producer may have in flight.
const BATCHES_REMEMBERED: usize = 5;

/// Producers remembered for a partition; the one silent for longest is forgotten beyond it.
const PRODUCERS_MAX: usize = 4_096;

/// What the producers of one partition have appended last.
#[derive(Debug, Default)]
pub(crate) struct Producers {
    entries: BTreeMap<i64, Producer>,
    /// Whether a producer was ever forgotten, so that an unknown one may be in mid-sequence.
    forgetful: bool,
}

#[derive(Debug)]
struct Producer {
    epoch: i16,
    batches: VecDeque<Appended>,
    last_append: Duration,
}

#[derive(Debug)]
struct Appended {
    first_sequence: i32,
    last_sequence: i32,
    base_offset: i64,
    last_offset: i64,
}

/// What to do with a batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sequence {
    /// It is the producer's next.
    Next,
    /// It was appended already, with these first and last offsets.
    Duplicate(i64, i64),
}

impl Producers {
    /// Compares a batch with what its producer appended before.
    pub(crate) fn check(&self, batch: &Batch) -> Result<Sequence, ResponseError> {
        if batch.producer_id < 0 {
            return Ok(Sequence::Next);
        }
        let Some(producer) = self.entries.get(&batch.producer_id) else {
            // Kafka takes any first sequence. When a client's first batch was refused by an old
            // leader and its second reaches the new one first, the client then takes the first
            // for delivered, and it is lost. We know whether we have forgotten anybody.
            return match batch.base_sequence {
                0 => Ok(Sequence::Next),
                _ if self.forgetful => Ok(Sequence::Next),
                _ => Err(ResponseError::OutOfOrderSequenceNumber),
            };
        };
        if batch.producer_epoch < producer.epoch {
            return Err(ResponseError::InvalidProducerEpoch);
        }
        if batch.producer_epoch > producer.epoch {
            return match batch.base_sequence {
                0 => Ok(Sequence::Next),
                _ => Err(ResponseError::OutOfOrderSequenceNumber),
            };
        }
        let known = producer.batches.iter().find(|appended| {
            appended.first_sequence == batch.base_sequence
                && appended.last_sequence == batch.last_sequence()
        });
        if let Some(known) = known {
            return Ok(Sequence::Duplicate(known.base_offset, known.last_offset));
        }
        match producer.batches.back() {
            Some(last) if after(last.last_sequence) != batch.base_sequence => {
                Err(ResponseError::OutOfOrderSequenceNumber)
            }
            _ => Ok(Sequence::Next),
        }
    }

    /// Remembers a batch that was appended at `base_offset`.
    pub(crate) fn remember(&mut self, batch: &Batch, base_offset: i64, now: Duration) {
        if batch.producer_id < 0 {
            return;
        }
        if self.entries.len() >= PRODUCERS_MAX && !self.entries.contains_key(&batch.producer_id) {
            self.forget_oldest();
        }
        let epoch = batch.producer_epoch;
        let producer = self.entries.entry(batch.producer_id).or_insert_with(|| Producer {
            epoch,
            batches: VecDeque::with_capacity(BATCHES_REMEMBERED),
            last_append: now,
        });
        if producer.epoch != epoch {
            producer.epoch = epoch;
            producer.batches.clear();
        }
        if producer.batches.len() == BATCHES_REMEMBERED {
            producer.batches.pop_front();
        }
        producer.last_append = now;
        producer.batches.push_back(Appended {
            first_sequence: batch.base_sequence,
            last_sequence: batch.last_sequence(),
            base_offset,
            last_offset: base_offset + i64::from(batch.last_offset_delta),
        });
    }

    /// Forgets what was appended at or after `end`.
    pub(crate) fn truncate(&mut self, end: i64) {
        for producer in self.entries.values_mut() {
            producer.batches.retain(|appended| appended.base_offset < end);
        }
        let known = self.entries.len();
        self.entries.retain(|_, producer| !producer.batches.is_empty());
        self.forgetful |= self.entries.len() < known;
    }

    fn forget_oldest(&mut self) {
        let oldest = self.entries.iter().min_by_key(|(_, producer)| producer.last_append);
        if let Some(id) = oldest.map(|(&id, _)| id) {
            self.entries.remove(&id);
            self.forgetful = true;
        }
    }
}

fn after(sequence: i32) -> i32 {
    sequence.checked_add(1).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::batch::tests::sample;
    use super::*;

    fn batch(epoch: i16, sequence: i32, count: i32) -> Batch {
        Batch::split(sample(count, Some((9, epoch, sequence)), 0), 1 << 20).unwrap().remove(0)
    }

    #[test]
    fn the_last_five_batches_are_known_again() {
        let mut producers = Producers::default();
        for index in 0..7 {
            let next = batch(0, index * 10, 10);
            assert_eq!(producers.check(&next), Ok(Sequence::Next));
            producers.remember(&next, i64::from(index) * 10, Duration::ZERO);
        }
        for index in 2..7i64 {
            let again = producers.check(&batch(0, index as i32 * 10, 10));
            assert_eq!(again, Ok(Sequence::Duplicate(index * 10, index * 10 + 9)));
        }
        let gone = producers.check(&batch(0, 10, 10));
        assert_eq!(gone, Err(ResponseError::OutOfOrderSequenceNumber));
    }

    #[test]
    fn gaps_and_old_epochs_are_refused() {
        let mut producers = Producers::default();
        producers.remember(&batch(3, 0, 10), 0, Duration::ZERO);
        let gap = producers.check(&batch(3, 11, 1));
        assert_eq!(gap, Err(ResponseError::OutOfOrderSequenceNumber));
        assert_eq!(producers.check(&batch(2, 10, 1)), Err(ResponseError::InvalidProducerEpoch));
        let not_from_zero = producers.check(&batch(4, 10, 1));
        assert_eq!(not_from_zero, Err(ResponseError::OutOfOrderSequenceNumber));
        assert_eq!(producers.check(&batch(4, 0, 1)), Ok(Sequence::Next));
    }

    #[test]
    fn sequences_wrap_to_zero() {
        let mut producers = Producers::default();
        producers.remember(&batch(0, i32::MAX, 1), 0, Duration::ZERO);
        assert_eq!(producers.check(&batch(0, 0, 1)), Ok(Sequence::Next));
    }

    #[test]
    fn an_unknown_producer_begins_at_zero_unless_it_may_have_been_forgotten() {
        let mut producers = Producers::default();
        let second = producers.check(&batch(0, 10, 10));
        assert_eq!(second, Err(ResponseError::OutOfOrderSequenceNumber));
        producers.remember(&batch(0, 0, 10), 0, Duration::ZERO);
        producers.truncate(0);
        assert_eq!(producers.check(&batch(0, 10, 10)), Ok(Sequence::Next));
    }

    #[test]
    fn memory_is_bounded() {
        let mut producers = Producers::default();
        for id in 0..PRODUCERS_MAX as i64 + 100 {
            let one = Batch::split(sample(1, Some((id, 0, 0)), 0), 1 << 20).unwrap().remove(0);
            producers.remember(&one, id, Duration::from_nanos(id as u64));
        }
        assert_eq!(producers.entries.len(), PRODUCERS_MAX);
        assert!(!producers.entries.contains_key(&0), "the oldest went");
    }
}
