//! What a topic's settings ask of the records that clients append: keys where the topic is
//! compacted, and times near the broker's.
//!
//! The rules are those of Kafka's `LogValidator` (4.1), which looks at every record. Here a
//! batch's header tells whether its records need a look; those of compressed batches get none.

use kafka_protocol::ResponseError;

use super::Batch;
use super::batch::records::Record;

/// What a topic asks of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rules {
    /// Every record has a key (`cleanup.policy` has `compact`).
    pub(crate) keys: bool,
    /// The broker sets the records' times (`message.timestamp.type` is `LogAppendTime`).
    pub(crate) stamps: bool,
    /// How far a record's time may lie before the broker's, in milliseconds.
    pub(crate) before_max_ms: i64,
    /// How far a record's time may lie after the broker's, in milliseconds.
    pub(crate) after_max_ms: i64,
}

/// Why a batch is refused, and which of its records are the cause.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) error: ResponseError,
    pub(crate) message: &'static str,
    /// The records' places in the batch, with what is wrong with each.
    pub(crate) records: Vec<(i32, &'static str)>,
}

impl Refused {
    fn timing(records: Vec<(i32, &'static str)>) -> Self {
        let message = "one or more records have an invalid time";
        Self { error: ResponseError::InvalidTimestamp, message, records }
    }
}

const NO_KEY: &str = "a compacted topic takes no record without a key";
const TIME: &str = "the record's time is too far from the broker's";
const STAMPED: &str = "a producer must not send records stamped by the broker";

impl Rules {
    /// Holds a client's batch against the rules. `unix_ms` is the broker's time, `None` where it
    /// has none.
    pub(crate) fn check(&self, batch: &Batch, unix_ms: Option<i64>) -> Result<(), Refused> {
        let claims = batch.is_stamped() && (self.stamps || batch.max_timestamp_ms == NO_TIME);
        let now = unix_ms.filter(|_| !self.stamps);
        let late = now.is_some_and(|now| self.too_late(batch.max_timestamp_ms, now));
        let early = now.filter(|_| self.before_max_ms != i64::MAX);
        if !claims && !late && !self.keys && early.is_none() {
            return Ok(());
        }
        let out = |timestamp| now.is_some_and(|now| self.out_of_range(timestamp, now));
        let flaw = |(place, record): (i32, Record)| match () {
            () if self.keys && !record.has_key => Some((place, NO_KEY)),
            () => out(record.timestamp_ms).then_some((place, TIME)),
        };
        let wrong: Vec<_> = match batch.records() {
            _ if claims => (0..=batch.last_offset_delta).map(|place| (place, STAMPED)).collect(),
            Some(records) => (0..).zip(records).filter_map(flaw).collect(),
            // Which record has the last time is not known; the first has the first.
            None if late => return Err(Refused::timing(Vec::new())),
            None => out(batch.base_timestamp_ms).then_some((0, TIME)).into_iter().collect(),
        };
        match wrong.iter().any(|&(_, flaw)| flaw != NO_KEY) {
            _ if wrong.is_empty() => Ok(()),
            true => Err(Refused::timing(wrong)),
            false => Err(Refused {
                error: ResponseError::InvalidRecord,
                message: "one or more records have no key, and the topic is compacted",
                records: wrong,
            }),
        }
    }

    fn out_of_range(&self, timestamp_ms: i64, now_ms: i64) -> bool {
        let age = now_ms.saturating_sub(timestamp_ms);
        timestamp_ms != NO_TIME && (age > self.before_max_ms || self.too_late(timestamp_ms, now_ms))
    }

    fn too_late(&self, timestamp_ms: i64, now_ms: i64) -> bool {
        timestamp_ms.saturating_sub(now_ms) > self.after_max_ms
    }
}

/// The timestamp of a record without one.
const NO_TIME: i64 = -1;

#[cfg(test)]
mod tests;
