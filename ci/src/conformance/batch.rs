//! Record batches (format 2) with every field free, and a summary of those that come back.

use std::sync::LazyLock;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// A record batch to be built. `Batch::default()` is one plain record.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    /// Offset of the first record as the producer says it; brokers expect 0.
    pub(crate) base_offset: i64,
    /// The message format: 2.
    pub(crate) magic: i8,
    /// The bits for compression, timestamp type, transaction and control.
    pub(crate) attributes: i16,
    /// Time of each record, in milliseconds since 1970.
    pub(crate) timestamps: Vec<i64>,
    /// The producer's id, -1 without idempotence.
    pub(crate) producer_id: i64,
    /// The producer's epoch.
    pub(crate) producer_epoch: i16,
    /// The first record's sequence number.
    pub(crate) sequence: i32,
    /// Bytes in each record's value.
    pub(crate) value_bytes: usize,
    /// The key of every record.
    pub(crate) key: Option<&'static str>,
}

/// The time of the first record of each batch: a minute before this program asked first. Brokers
/// start a new segment, and end what one fetch reads, where record times are a week apart; their
/// own markers have the time of now.
pub(crate) fn base_ms() -> i64 {
    static BASE: LazyLock<i64> = LazyLock::new(|| {
        #[expect(clippy::disallowed_methods, reason = "brokers hold record times against theirs")]
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        since.map_or(0, |since| since.as_millis() as i64 - 60_000)
    });
    *BASE
}

/// The attribute of a batch that belongs to a transaction.
pub(crate) const TRANSACTIONAL: i16 = 1 << 4;

/// The attribute of a batch of control records.
pub(crate) const CONTROL: i16 = 1 << 5;

impl Default for Batch {
    fn default() -> Self {
        Self {
            base_offset: 0,
            magic: 2,
            attributes: 0,
            timestamps: vec![base_ms()],
            producer_id: -1,
            producer_epoch: -1,
            sequence: -1,
            value_bytes: 10,
            key: None,
        }
    }
}

impl Batch {
    /// A batch of this many records, one millisecond apart.
    pub(crate) fn of(records: usize) -> Self {
        let timestamps = (0..records as i64).map(|record| base_ms() + record).collect();
        Self { timestamps, ..Self::default() }
    }

    /// A batch of an idempotent producer.
    pub(crate) fn idempotent(producer: (i64, i16), sequence: i32, records: usize) -> Self {
        let (producer_id, producer_epoch) = producer;
        Self { producer_id, producer_epoch, sequence, ..Self::of(records) }
    }

    /// The same batch as part of a transaction.
    pub(crate) fn transactional(self) -> Self {
        Self { attributes: self.attributes | TRANSACTIONAL, ..self }
    }

    /// The batch as it goes over the wire.
    pub(crate) fn bytes(&self) -> Bytes {
        let first = self.timestamps.first().copied().unwrap_or(-1);
        let last = self.timestamps.iter().max().copied().unwrap_or(-1);
        let mut checked = BytesMut::new();
        checked.put_i16(self.attributes);
        checked.put_i32(self.timestamps.len() as i32 - 1);
        checked.put_i64(first);
        checked.put_i64(last);
        checked.put_i64(self.producer_id);
        checked.put_i16(self.producer_epoch);
        checked.put_i32(self.sequence);
        checked.put_i32(self.timestamps.len() as i32);
        for (number, timestamp) in self.timestamps.iter().enumerate() {
            let record = self.record(number as i64, timestamp - first);
            put_varint(&mut checked, record.len() as i64);
            checked.put_slice(&record);
        }
        let mut batch = BytesMut::new();
        batch.put_i64(self.base_offset);
        batch.put_i32(checked.len() as i32 + 9);
        batch.put_i32(-1);
        batch.put_i8(self.magic);
        batch.put_u32(crc32c::crc32c(&checked));
        batch.put_slice(&checked);
        batch.freeze()
    }

    fn record(&self, number: i64, timestamp_delta: i64) -> BytesMut {
        let mut record = BytesMut::new();
        record.put_i8(0);
        put_varint(&mut record, timestamp_delta);
        put_varint(&mut record, number);
        match self.key {
            Some(key) => {
                put_varint(&mut record, key.len() as i64);
                record.put_slice(key.as_bytes());
            }
            None => put_varint(&mut record, -1),
        }
        put_varint(&mut record, self.value_bytes as i64);
        record.put_bytes(b'v', self.value_bytes);
        put_varint(&mut record, 0);
        record
    }
}

fn put_varint(bytes: &mut BytesMut, value: i64) {
    let mut rest = ((value << 1) ^ (value >> 63)) as u64;
    while rest >= 0x80 {
        bytes.put_u8(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.put_u8(rest as u8);
}

/// The offsets of each batch in what a fetch gave, such as `0-2 3-3 control 4-4`, with the leader
/// epoch in which it was appended where that is not 0; `torn` for a part of a batch at the end.
pub(crate) fn summary(records: Option<Bytes>) -> String {
    let mut records = records.unwrap_or_default();
    let mut seen = Vec::new();
    while records.has_remaining() {
        if records.len() < 61 || records.len() < 12 + (&records[8..]).get_i32() as usize {
            seen.push("torn".to_owned());
            break;
        }
        let base = (&records[..]).get_i64();
        let length = 12 + (&records[8..]).get_i32() as usize;
        let epoch = (&records[12..]).get_i32();
        let attributes = (&records[21..]).get_i16();
        let last = base + i64::from((&records[23..]).get_i32());
        let control = if attributes & CONTROL != 0 { "control " } else { "" };
        let epoch = if epoch == 0 { String::new() } else { format!(" in epoch {epoch}") };
        seen.push(format!("{control}{base}-{last}{epoch}"));
        records.advance(length);
    }
    format!("[{}]", seen.join(", "))
}
