//! The single records of a batch, as far as a broker looks at them.

use super::{Batch, HEADER_BYTES, varint};

/// What a broker may want to know of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) timestamp_ms: i64,
    /// Its place behind the batch's first offset.
    pub(crate) offset_delta: i64,
    pub(crate) has_key: bool,
}

impl Batch {
    /// The records, up to the first that is malformed; `None` where they are compressed.
    pub(crate) fn records(&self) -> Option<impl Iterator<Item = Record> + '_> {
        if self.codec().is_some() {
            return None;
        }
        let mut rest = &self.bytes[HEADER_BYTES..];
        let (base, stamped) = (self.base_timestamp_ms, self.is_stamped());
        let stamp = stamped.then_some(self.max_timestamp_ms);
        let records = (0..=self.last_offset_delta).map_while(move |_| next(&mut rest, base));
        Some(records.map(move |record| Record {
            timestamp_ms: stamp.unwrap_or(record.timestamp_ms),
            ..record
        }))
    }
}

fn next(rest: &mut &[u8], base_timestamp_ms: i64) -> Option<Record> {
    let length = usize::try_from(varint(rest)?).ok()?;
    let mut record = rest.get(..length)?;
    *rest = &rest[length..];
    // The record's attributes, of which there are none.
    record = record.get(1..)?;
    let timestamp_ms = base_timestamp_ms.checked_add(varint(&mut record)?)?;
    let offset_delta = varint(&mut record)?;
    let has_key = varint(&mut record)? >= 0;
    Some(Record { timestamp_ms, offset_delta, has_key })
}
