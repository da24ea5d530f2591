use bytes::{BufMut, BytesMut};

use super::*;
use crate::log::batch::HEADER_BYTES;

const RULES: Rules =
    Rules { keys: false, stamps: false, before_max_ms: i64::MAX, after_max_ms: 3_600_000 };

/// A batch with a record for each of these: milliseconds after the first, whether it has a key.
fn batch(first_ms: i64, records: &[(u8, bool)], attributes: i16) -> Batch {
    let mut bytes = BytesMut::zeroed(HEADER_BYTES);
    let count = records.len() as i32;
    for (place, &(delta, key)) in (0..).zip(records) {
        // Lengths and deltas are below 64, so that each is one byte: its double.
        let key: &[u8] = if key { &[2, b'k'] } else { &[1] };
        bytes.put_slice(&[(key.len() as u8 + 5) * 2, 0, delta * 2, place * 2]);
        bytes.put_slice(key);
        bytes.put_slice(&[0, 0]);
    }
    let last = first_ms + records.iter().map(|&(delta, _)| i64::from(delta)).max().unwrap_or(0);
    let length = bytes.len() as i32 - 12;
    bytes[8..12].copy_from_slice(&length.to_be_bytes());
    bytes[16] = 2;
    bytes[21..23].copy_from_slice(&attributes.to_be_bytes());
    bytes[23..27].copy_from_slice(&(count - 1).to_be_bytes());
    bytes[27..35].copy_from_slice(&first_ms.to_be_bytes());
    bytes[35..43].copy_from_slice(&last.to_be_bytes());
    bytes[43..57].fill(0xff);
    bytes[57..61].copy_from_slice(&count.to_be_bytes());
    let checksum = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&checksum.to_be_bytes());
    Batch::split(bytes.freeze(), 1 << 20).unwrap().remove(0)
}

fn places(checked: Result<(), Refused>) -> (ResponseError, Vec<i32>) {
    let refused = checked.unwrap_err();
    (refused.error, refused.records.into_iter().map(|(place, _)| place).collect())
}

#[test]
fn the_records_too_far_ahead_are_named() {
    let sent = batch(1_000, &[(0, false), (20, false), (10, false)], 0);
    let after = |max| Rules { after_max_ms: max, ..RULES };
    assert_eq!(after(15).check(&sent, Some(1_005)), Ok(()));
    let refused = places(after(10).check(&sent, Some(1_005)));
    assert_eq!(refused, (ResponseError::InvalidTimestamp, vec![1]));
    assert_eq!(after(0).check(&sent, None), Ok(()), "without a clock");
}

#[test]
fn the_records_too_old_are_named_where_the_topic_minds() {
    let sent = batch(1_000, &[(0, false), (20, false)], 0);
    assert_eq!(RULES.check(&sent, Some(1 << 40)), Ok(()));
    let minds = Rules { before_max_ms: 90, ..RULES };
    let refused = places(minds.check(&sent, Some(1_100)));
    assert_eq!(refused, (ResponseError::InvalidTimestamp, vec![0]));
    let timeless = batch(-1, &[(0, false)], 0);
    assert_eq!(minds.check(&timeless, Some(1_100)), Ok(()));
}

#[test]
fn a_compacted_topic_wants_keys() {
    let compacted = Rules { keys: true, ..RULES };
    let sent = batch(1_000, &[(0, true), (1, false), (2, true)], 0);
    let refused = places(compacted.check(&sent, Some(1_000)));
    assert_eq!(refused, (ResponseError::InvalidRecord, vec![1]));
    assert_eq!(compacted.check(&batch(1_000, &[(0, true)], 0), Some(1_000)), Ok(()));
    let compressed = batch(1_000, &[(0, false)], 4);
    assert_eq!(compacted.check(&compressed, Some(1_000)), Ok(()), "it is not opened");
}

#[test]
fn compressed_records_are_judged_by_the_header() {
    let sent = batch(1_000, &[(0, false), (20, false)], 1);
    let minds = Rules { before_max_ms: 90, after_max_ms: 10, ..RULES };
    let early = places(minds.check(&sent, Some(1_100)));
    assert_eq!(early, (ResponseError::InvalidTimestamp, vec![0]));
    let late = places(minds.check(&sent, Some(1_000)));
    assert_eq!(late, (ResponseError::InvalidTimestamp, Vec::new()));
}

#[test]
fn only_brokers_stamp() {
    let stamps = Rules { stamps: true, ..RULES };
    let claims = batch(1_000, &[(0, false), (0, false)], 8);
    assert_eq!(places(stamps.check(&claims, Some(0))).1, [0, 1]);
    let mut sent = batch(1_000, &[(0, false), (20, false)], 0);
    assert_eq!(stamps.check(&sent, Some(0)), Ok(()), "whatever time the producer gives");
    sent.stamp(7_777);
    assert_eq!((sent.max_timestamp_ms, sent.newest()), (7_777, 0));
    let mut bytes = BytesMut::from(&sent.prefix()[..]);
    bytes.put_slice(&sent.rest());
    let again = Batch::split(bytes.freeze(), 1 << 20).expect("the checksum is right");
    assert!(again[0].is_stamped());
    assert!(again[0].records().unwrap().all(|record| record.timestamp_ms == 7_777));
}
