//! Record batches (format version 2) as small as the model needs: records are single numbers.
//!
//! Layout: <https://kafka.apache.org/documentation/#recordbatch>.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::digest;

const CHECKSUM_START: usize = 21;
const HEADER_BYTES: usize = 61;
/// Behind the marker's length, attributes, two deltas, the length of its key, and a version.
const MARKER_TYPE: usize = HEADER_BYTES + 7;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;

/// Who writes a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Writer {
    pub(crate) producer_id: i64,
    pub(crate) epoch: i16,
    pub(crate) sequence: i32,
    pub(crate) transactional: bool,
}

impl Writer {
    /// A producer without idempotence.
    pub(crate) const PLAIN: Self =
        Self { producer_id: -1, epoch: -1, sequence: -1, transactional: false };
}

/// What a batch that was read holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadBatch {
    pub(crate) base_offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) producer_id: i64,
    pub(crate) control: bool,
    pub(crate) transactional: bool,
    /// A marker that ends its producer's transaction by aborting it.
    pub(crate) aborts: bool,
    /// A digest of everything but offset and epoch.
    pub(crate) digest: u64,
    pub(crate) values: Vec<u64>,
    pub(crate) last_offset: i64,
}

/// A batch of `count` values from `first` on.
pub(crate) fn write(first: u64, count: u64, writer: Writer) -> Bytes {
    let mut batch = BytesMut::with_capacity(HEADER_BYTES + count as usize * 16);
    batch.put_i64(0);
    batch.put_i32(0);
    batch.put_i32(-1);
    batch.put_u8(2);
    batch.put_u32(0);
    batch.put_i16(if writer.transactional { TRANSACTIONAL } else { 0 });
    batch.put_i32(count as i32 - 1);
    batch.put_i64(1_000);
    batch.put_i64(1_000);
    batch.put_i64(writer.producer_id);
    batch.put_i16(writer.epoch);
    batch.put_i32(writer.sequence);
    batch.put_i32(count as i32);
    for delta in 0..count {
        // Zigzag: length 14, attributes, timestamp delta, offset delta, no key, 8 bytes, no header.
        let record = [28, 0, 0, (delta * 2) as u8, 1, 16];
        batch.put_slice(&record);
        batch.put_u64(first + delta);
        batch.put_u8(0);
    }
    let length = batch.len() as i32 - 12;
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    let checksum = crc32c::crc32c(&batch[CHECKSUM_START..]);
    batch[17..21].copy_from_slice(&checksum.to_be_bytes());
    batch.freeze()
}

/// The whole batches of a Fetch answer, whose end may cut the last one off; `None` when they are
/// damaged.
pub(crate) fn read(mut records: Bytes) -> Option<Vec<ReadBatch>> {
    let mut batches = Vec::new();
    while let Some(mut length) = records.get(8..12) {
        let length = 12 + usize::try_from(length.get_i32()).ok()?;
        if length < HEADER_BYTES {
            return None;
        }
        if length > records.len() {
            break;
        }
        batches.push(read_batch(&records.split_to(length))?);
    }
    Some(batches)
}

fn read_batch(batch: &[u8]) -> Option<ReadBatch> {
    let mut header = batch;
    let base_offset = header.get_i64();
    header.advance(4);
    let leader_epoch = header.get_i32();
    header.advance(1);
    if header.get_u32() != crc32c::crc32c(&batch[CHECKSUM_START..]) {
        return None;
    }
    let attributes = header.get_i16();
    let last_offset = base_offset + i64::from(header.get_i32());
    header.advance(16);
    let producer_id = header.get_i64();
    header.advance(6);
    let count = header.get_i32();
    let control = attributes & CONTROL != 0;
    let mut values = Vec::new();
    for _ in 0..if control { 0 } else { count } {
        header.advance(header.len().min(6));
        values.push(header.try_get_u64().ok()?);
        header.try_get_u8().ok()?;
    }
    Some(ReadBatch {
        base_offset,
        leader_epoch,
        producer_id,
        control,
        transactional: attributes & TRANSACTIONAL != 0,
        aborts: control && batch.get(MARKER_TYPE..MARKER_TYPE + 2) == Some(&[0, 0]),
        digest: digest::of(&batch[16..]),
        values,
        last_offset,
    })
}
