//! Record batches (format version 2) as bytes: the header is read and checked, records are not.
//!
//! Layout: <https://kafka.apache.org/documentation/#recordbatch>. Base offset and partition leader
//! epoch lie outside the checksum, so that a broker sets them without touching the records.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use kafka_protocol::ResponseError;

mod control;
pub(crate) mod records;
mod unfit;

pub(crate) use control::Marker;
pub(crate) use unfit::Unfit;

/// Bytes from the start of a batch to its first record.
pub(crate) const HEADER_BYTES: usize = 61;

/// The part of the header that a broker sets, with the length between its two fields.
pub(crate) const PREFIX_BYTES: usize = 16;

const LENGTH_OFFSET: usize = 12;
const CHECKSUM_START: usize = 21;
const ATTRIBUTE_COMPRESSION: i16 = 0x07;
const ATTRIBUTE_STAMPED: i16 = 0x08;
const ATTRIBUTE_TRANSACTIONAL: i16 = 0x10;
const ATTRIBUTE_CONTROL: i16 = 0x20;

/// The last of the codecs: none, gzip, snappy, lz4, zstd.
const COMPRESSION_MAX: i16 = 4;

/// One record batch. Offset, epoch and append time are set when it is appended to a log.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    bytes: Bytes,
    pub(crate) base_offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) appended_at: Duration,
    pub(crate) last_offset_delta: i32,
    pub(crate) base_timestamp_ms: i64,
    pub(crate) max_timestamp_ms: i64,
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) base_sequence: i32,
    attributes: i16,
}

impl Batch {
    /// Checks what a client sent for one partition, which is one batch: format, length, checksum,
    /// count, size.
    pub(crate) fn split(records: Bytes, batch_bytes_max: usize) -> Result<Vec<Self>, Unfit> {
        let length = whole_length(&records).map_err(Unfit::Sent)?;
        if length < records.len() {
            return Err(Unfit::Sent(ResponseError::InvalidRecord));
        }
        if length > batch_bytes_max {
            return Err(Unfit::Log(ResponseError::MessageTooLarge));
        }
        Self::parse(records).map(|batch| vec![batch]).map_err(Unfit::Log)
    }

    /// The order of the checks is that of Kafka's `UnifiedLog` and `LogValidator`.
    fn parse(bytes: Bytes) -> Result<Self, ResponseError> {
        // A producer counts from 0; the broker gives the offsets.
        if bytes.get(..8) != Some(&[0; 8]) {
            return Err(ResponseError::InvalidRecord);
        }
        let mut header = bytes.get(17..HEADER_BYTES).ok_or(ResponseError::CorruptMessage)?;
        let checksum = header.get_u32();
        if crc32c::crc32c(&bytes[CHECKSUM_START..]) != checksum {
            return Err(ResponseError::CorruptMessage);
        }
        let attributes = header.get_i16();
        let last_offset_delta = header.get_i32();
        let base_timestamp_ms = header.get_i64();
        let max_timestamp_ms = header.get_i64();
        let producer_id = header.get_i64();
        let producer_epoch = header.get_i16();
        let base_sequence = header.get_i32();
        let count = header.get_i32();
        if attributes & ATTRIBUTE_COMPRESSION > COMPRESSION_MAX {
            // Kafka does not foresee it.
            return Err(ResponseError::UnknownServerError);
        }
        if count <= 0 || last_offset_delta != count - 1 || attributes & ATTRIBUTE_CONTROL != 0 {
            return Err(ResponseError::InvalidRecord);
        }
        if producer_id >= 0 && (producer_epoch < 0 || base_sequence < 0) {
            return Err(ResponseError::InvalidRecord);
        }
        Ok(Self {
            bytes,
            base_offset: 0,
            leader_epoch: 0,
            appended_at: Duration::ZERO,
            last_offset_delta,
            base_timestamp_ms,
            max_timestamp_ms,
            producer_id,
            producer_epoch,
            base_sequence,
            attributes,
        })
    }

    /// Whether the batch belongs to a transaction.
    pub(crate) fn is_transactional(&self) -> bool {
        self.attributes & ATTRIBUTE_TRANSACTIONAL != 0
    }

    /// Whether the batch ends a transaction.
    pub(crate) fn is_control(&self) -> bool {
        self.attributes & ATTRIBUTE_CONTROL != 0
    }

    /// Offset of the last record.
    pub(crate) fn last_offset(&self) -> i64 {
        self.base_offset + i64::from(self.last_offset_delta)
    }

    /// Sequence number of the last record; they wrap after `i32::MAX`.
    pub(crate) fn last_sequence(&self) -> i32 {
        let last = i64::from(self.base_sequence) + i64::from(self.last_offset_delta);
        (last % (i64::from(i32::MAX) + 1)) as i32
    }

    /// Bytes of the whole batch.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The checksum over everything behind it: attributes, producer, records.
    pub(crate) fn checksum(&self) -> u32 {
        self.bytes.get(17..CHECKSUM_START).map_or(0, |mut field| field.get_u32())
    }

    /// The first bytes of the batch with the broker's fields set.
    pub(crate) fn prefix(&self) -> [u8; PREFIX_BYTES] {
        let mut prefix = [0; PREFIX_BYTES];
        prefix[..8].copy_from_slice(&self.base_offset.to_be_bytes());
        prefix[8..12].copy_from_slice(&self.bytes[8..12]);
        prefix[12..].copy_from_slice(&self.leader_epoch.to_be_bytes());
        prefix
    }

    /// What follows the prefix, as the producer sent it.
    pub(crate) fn rest(&self) -> Bytes {
        self.bytes.slice(PREFIX_BYTES..)
    }

    /// Whether the producer compressed the records, with which codec (1 to 4).
    pub(crate) fn codec(&self) -> Option<i16> {
        Some(self.attributes & ATTRIBUTE_COMPRESSION).filter(|&codec| codec != 0)
    }

    /// Whether the records have the time of their append, all the same.
    pub(crate) fn is_stamped(&self) -> bool {
        self.attributes & ATTRIBUTE_STAMPED != 0
    }

    /// Gives all records the time of their append.
    pub(crate) fn stamp(&mut self, unix_ms: i64) {
        self.attributes |= ATTRIBUTE_STAMPED;
        self.max_timestamp_ms = unix_ms;
        let mut bytes = BytesMut::from(&self.bytes[..]);
        bytes[CHECKSUM_START..23].copy_from_slice(&self.attributes.to_be_bytes());
        bytes[35..43].copy_from_slice(&unix_ms.to_be_bytes());
        let checksum = crc32c::crc32c(&bytes[CHECKSUM_START..]);
        bytes[17..CHECKSUM_START].copy_from_slice(&checksum.to_be_bytes());
        self.bytes = bytes.freeze();
    }

    /// Offset and timestamp of the first record at or after `timestamp_ms`. In a compressed batch
    /// records cannot be told apart without decompressing, so the batch's first offset stands for
    /// it.
    pub(crate) fn first_at(&self, timestamp_ms: i64) -> Option<(i64, i64)> {
        if self.max_timestamp_ms < timestamp_ms {
            return None;
        }
        if self.is_stamped() {
            return Some((self.base_offset, self.max_timestamp_ms));
        }
        if self.base_timestamp_ms >= timestamp_ms || self.codec().is_some() {
            return Some((self.base_offset, self.base_timestamp_ms.max(timestamp_ms)));
        }
        self.find_at(timestamp_ms).or(Some((self.base_offset, self.max_timestamp_ms)))
    }

    /// Offset of the first record with the newest timestamp; in a compressed batch the last
    /// record's, as it most often is.
    pub(crate) fn newest(&self) -> i64 {
        match self.codec() {
            _ if self.is_stamped() => self.base_offset,
            Some(_) => self.last_offset(),
            None => self.find_at(self.max_timestamp_ms).map_or(self.last_offset(), |found| found.0),
        }
    }

    fn find_at(&self, timestamp_ms: i64) -> Option<(i64, i64)> {
        let found = self.records()?.find(|record| record.timestamp_ms >= timestamp_ms)?;
        Some((self.base_offset.checked_add(found.offset_delta)?, found.timestamp_ms))
    }
}

/// The declared length of the batch at the front, checked against what is there.
fn whole_length(records: &[u8]) -> Result<usize, ResponseError> {
    // What ends too early is no batch at all to Kafka.
    let Some(&magic) = records.get(16) else { return Err(ResponseError::InvalidRecord) };
    if magic < 2 {
        return Err(ResponseError::InvalidRecord);
    }
    if magic > 2 {
        return Err(ResponseError::CorruptMessage);
    }
    let mut field = records.get(8..LENGTH_OFFSET).ok_or(ResponseError::CorruptMessage)?;
    let declared = field.get_i32();
    let length = usize::try_from(declared)
        .ok()
        .and_then(|declared| declared.checked_add(LENGTH_OFFSET))
        .ok_or(ResponseError::CorruptMessage)?;
    if length < HEADER_BYTES {
        return Err(ResponseError::CorruptMessage);
    }
    if length > records.len() {
        return Err(ResponseError::InvalidRecord);
    }
    Ok(length)
}

/// A zigzag variable-length integer from the front of `bytes`.
fn varint(bytes: &mut &[u8]) -> Option<i64> {
    let mut value = 0u64;
    for shift in (0..70).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Some((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
    None
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use bytes::BufMut;

    /// A valid batch of `count` records whose bodies are opaque, padded to `padding` bytes.
    pub(crate) fn sample(count: i32, producer: Option<(i64, i16, i32)>, padding: usize) -> Bytes {
        let (id, epoch, sequence) = producer.unwrap_or((-1, -1, -1));
        let mut batch = BytesMut::new();
        batch.put_i64(0);
        batch.put_i32((HEADER_BYTES - LENGTH_OFFSET + padding) as i32);
        batch.put_i32(-1);
        batch.put_u8(2);
        batch.put_u32(0);
        batch.put_i16(0);
        batch.put_i32(count - 1);
        batch.put_i64(1_000);
        batch.put_i64(2_000);
        batch.put_i64(id);
        batch.put_i16(epoch);
        batch.put_i32(sequence);
        batch.put_i32(count);
        batch.put_bytes(7, padding);
        let checksum = crc32c::crc32c(&batch[CHECKSUM_START..]);
        batch[17..21].copy_from_slice(&checksum.to_be_bytes());
        batch.freeze()
    }

    /// As [`sample`], with other attributes.
    pub(crate) fn with_attributes(batch: &Bytes, attributes: i16) -> Bytes {
        let mut batch = BytesMut::from(&batch[..]);
        batch[21..23].copy_from_slice(&attributes.to_be_bytes());
        let checksum = crc32c::crc32c(&batch[CHECKSUM_START..]);
        batch[17..21].copy_from_slice(&checksum.to_be_bytes());
        batch.freeze()
    }

    /// A valid batch of a transaction.
    pub(crate) fn transactional(count: i32, producer: (i64, i16, i32)) -> Bytes {
        with_attributes(&sample(count, Some(producer), 10), ATTRIBUTE_TRANSACTIONAL)
    }

    #[test]
    fn a_client_may_not_write_control_batches() {
        let marker = with_attributes(
            &sample(1, Some((1, 0, 0)), 10),
            ATTRIBUTE_CONTROL | ATTRIBUTE_TRANSACTIONAL,
        );
        let refused = Batch::split(marker, 1 << 20).unwrap_err().error();
        assert_eq!(refused, ResponseError::InvalidRecord);
        let data = Batch::split(transactional(1, (1, 0, 0)), 1 << 20).unwrap();
        assert!(data[0].is_transactional() && !data[0].is_control());
    }

    #[test]
    fn a_second_batch_and_a_batch_that_begins_late_are_refused() {
        let mut both = BytesMut::from(&sample(3, None, 40)[..]);
        both.extend_from_slice(&sample(1, None, 5));
        let refused = Batch::split(both.freeze(), 1 << 20).unwrap_err().error();
        assert_eq!(refused, ResponseError::InvalidRecord);
        let mut late = sample(3, None, 40).to_vec();
        late[7] = 1;
        let refused = Batch::split(late.into(), 1 << 20).unwrap_err().error();
        assert_eq!(refused, ResponseError::InvalidRecord);
        assert!(Batch::split(Bytes::new(), 1 << 20).is_err());
    }

    #[test]
    fn damage_is_found_wherever_it_is() {
        let good = sample(3, None, 40);
        for position in CHECKSUM_START..good.len() {
            let mut bad = good.to_vec();
            bad[position] ^= 1;
            let refused = Batch::split(bad.into(), 1 << 20).unwrap_err().error();
            assert_eq!(refused, ResponseError::CorruptMessage, "at {position}");
        }
        for length in 0..good.len() {
            assert!(Batch::split(good.slice(..length), 1 << 20).is_err(), "cut to {length}");
        }
    }

    #[test]
    fn old_formats_and_oversized_batches_are_refused() {
        let mut old = sample(1, None, 0).to_vec();
        old[16] = 1;
        let refused = Batch::split(old.into(), 1 << 20).unwrap_err().error();
        assert_eq!(refused, ResponseError::InvalidRecord);
        let refused = Batch::split(sample(1, None, 100), 100).unwrap_err().error();
        assert_eq!(refused, ResponseError::MessageTooLarge);
    }

    #[test]
    fn sequences_wrap() {
        let batch = Batch::split(sample(3, Some((1, 0, i32::MAX)), 0), 1 << 20).unwrap();
        assert_eq!(batch[0].last_sequence(), 1);
    }
}
