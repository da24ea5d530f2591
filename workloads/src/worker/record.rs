//! A source record as the processor sees it.

use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Headers, Message};

use super::Rejection;
use crate::stamp::Stamp;

/// A record, borrowed from the client's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
    /// Value of the `stormgauge` header.
    pub(crate) header: Option<&'a [u8]>,
    /// Why it is a dead letter and no result, if it is one.
    pub(crate) rejected: Option<Rejection>,
}

impl<'a> Record<'a> {
    pub(crate) fn of(message: &'a BorrowedMessage<'_>) -> Self {
        Self {
            partition: message.partition(),
            offset: message.offset(),
            key: message.key(),
            value: message.payload(),
            header: message.headers().and_then(stamp_bytes),
            rejected: None,
        }
    }

    /// The position of a stamped record; a foreign record counts by its offset.
    pub(crate) fn position(&self) -> u64 {
        let stamp = self.header.and_then(Stamp::decode);
        stamp.map_or(self.offset.unsigned_abs(), |stamp| stamp.position)
    }
}

/// The value of the `stormgauge` header, if there.
pub(crate) fn stamp_bytes(headers: &BorrowedHeaders) -> Option<&[u8]> {
    headers.iter().find(|header| header.key == Stamp::HEADER)?.value
}

/// A record in memory of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnedRecord {
    partition: i32,
    offset: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    header: Option<Vec<u8>>,
}

impl OwnedRecord {
    pub(crate) fn of(record: &Record<'_>) -> Self {
        Self {
            partition: record.partition,
            offset: record.offset,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            header: record.header.map(<[u8]>::to_vec),
        }
    }

    pub(crate) fn borrow(&self) -> Record<'_> {
        Record {
            partition: self.partition,
            offset: self.offset,
            key: self.key.as_deref(),
            value: self.value.as_deref(),
            header: self.header.as_deref(),
            rejected: None,
        }
    }
}
