//! Control batches: the markers that end a transaction in a partition (KIP-98).
//!
//! A marker is a batch of one record. The record's key is a version and the kind of marker, its
//! value a version and the epoch of the coordinator that had it written; both versions are 0.

use bytes::{Buf, BufMut, BytesMut};

use super::{
    ATTRIBUTE_CONTROL, ATTRIBUTE_TRANSACTIONAL, Batch, CHECKSUM_START, HEADER_BYTES, LENGTH_OFFSET,
    varint,
};

/// How a transaction ended, and under which coordinator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Marker {
    pub(crate) commit: bool,
    pub(crate) coordinator_epoch: i32,
}

/// Length, attributes, timestamp and offset deltas, a key and a value of known size, no headers.
const RECORD_BYTES: usize = 17;
const KEY_BYTES: u8 = 4;
const VALUE_BYTES: u8 = 6;

impl Batch {
    /// The batch that ends the transaction of a producer.
    pub(crate) fn control(producer: (i64, i16), marker: Marker, timestamp_ms: i64) -> Self {
        let (producer_id, producer_epoch) = producer;
        let attributes = ATTRIBUTE_TRANSACTIONAL | ATTRIBUTE_CONTROL;
        let mut bytes = BytesMut::with_capacity(HEADER_BYTES + RECORD_BYTES);
        bytes.put_i64(0);
        bytes.put_i32((HEADER_BYTES + RECORD_BYTES - LENGTH_OFFSET) as i32);
        bytes.put_i32(-1);
        bytes.put_u8(2);
        bytes.put_u32(0);
        bytes.put_i16(attributes);
        bytes.put_i32(0);
        bytes.put_i64(timestamp_ms);
        bytes.put_i64(timestamp_ms);
        bytes.put_i64(producer_id);
        bytes.put_i16(producer_epoch);
        bytes.put_i32(-1);
        bytes.put_i32(1);
        // Small numbers are their doubles in the zigzag form of the record's lengths.
        bytes.put_slice(&[(RECORD_BYTES as u8 - 1) * 2, 0, 0, 0, KEY_BYTES * 2]);
        bytes.put_i16(0);
        bytes.put_i16(i16::from(marker.commit));
        bytes.put_u8(VALUE_BYTES * 2);
        bytes.put_i16(0);
        bytes.put_i32(marker.coordinator_epoch);
        bytes.put_u8(0);
        let checksum = crc32c::crc32c(&bytes[CHECKSUM_START..]);
        bytes[17..21].copy_from_slice(&checksum.to_be_bytes());
        Self {
            bytes: bytes.freeze(),
            base_offset: 0,
            leader_epoch: 0,
            appended_at: std::time::Duration::ZERO,
            last_offset_delta: 0,
            base_timestamp_ms: timestamp_ms,
            max_timestamp_ms: timestamp_ms,
            producer_id,
            producer_epoch,
            base_sequence: -1,
            attributes,
        }
    }

    /// What a control batch says; `None` for a batch of data.
    pub(crate) fn marker(&self) -> Option<Marker> {
        if !self.is_control() {
            return None;
        }
        let mut record = self.bytes.get(HEADER_BYTES..)?;
        varint(&mut record)?;
        record = record.get(1..)?;
        varint(&mut record)?;
        varint(&mut record)?;
        let key_bytes = usize::try_from(varint(&mut record)?).ok()?;
        let mut key = record.get(..key_bytes)?.get(2..4)?;
        record = &record[key_bytes..];
        let value_bytes = usize::try_from(varint(&mut record)?).ok()?;
        let mut value = record.get(..value_bytes)?.get(2..6)?;
        Some(Marker { commit: key.get_i16() == 1, coordinator_epoch: value.get_i32() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;
    use kafka_protocol::records::RecordBatchDecoder;

    #[test]
    fn a_marker_says_what_it_was_made_of() {
        for commit in [true, false] {
            let marker = Marker { commit, coordinator_epoch: 70_000 };
            let batch = Batch::control((1 << 40, 7), marker, 1_700_000_000_000);
            assert!(batch.is_control() && batch.is_transactional());
            assert_eq!(batch.marker(), Some(marker));
            assert_eq!((batch.producer_id, batch.producer_epoch), (1 << 40, 7));
        }
        let data = Batch::split(sample(1, None, 5), 1 << 20).unwrap().remove(0);
        assert_eq!(data.marker(), None);
    }

    #[test]
    fn a_client_reads_a_marker() {
        let marker = Marker { commit: true, coordinator_epoch: 3 };
        let mut bytes = Batch::control((9, 7), marker, 1_000).bytes;
        let set = RecordBatchDecoder::decode(&mut bytes).unwrap();
        let record = &set.records[0];
        assert!(record.control && record.transactional);
        assert_eq!((record.producer_id, record.producer_epoch, record.timestamp), (9, 7, 1_000));
        assert_eq!(record.key.as_deref(), Some(&[0, 0, 0, 1][..]));
        assert_eq!(record.value.as_deref(), Some(&[0, 0, 0, 0, 0, 3][..]));
        assert!(bytes.is_empty());
    }
}
