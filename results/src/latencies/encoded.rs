//! HdrHistogram's V2 encoding, deflated, in base64, read with suspicion.
//!
//! The library's reader trusts lengths and counts in the text: a few bytes could make it take
//! gigabytes or overflow. So the envelope is opened here under a limit and its numbers are
//! checked before the library sees them.
//! Source of the format: <https://github.com/HdrHistogram/HdrHistogram>, `EncodableHistogram`.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};

use super::{HistogramError, LATENCY_US_MAX, LATENCY_US_MIN, SIGNIFICANT_DIGITS, empty_histogram};

/// Cookie, payload length, normalizing offset, digits, low, high, ratio.
const HEADER_BYTES: usize = 4 + 4 + 4 + 4 + 8 + 8 + 8;
/// No histogram of our bounds inflates to more: 23,552 counts of at most 9 bytes, and a header.
const INFLATED_BYTES_MAX: u64 = 256 * 1024;
/// The cookie of the deflated form.
const DEFLATED_COOKIE: u32 = 0x1c84_9314;
/// The cookie of the form within.
const INNER_COOKIE: u32 = 0x1c84_9313;

/// Encodes `histogram`.
pub(super) fn encode(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    V2DeflateSerializer::new()
        .serialize(histogram, &mut bytes)
        .expect("writing to memory works, and no count reaches 2^63");
    STANDARD.encode(bytes)
}

/// Decodes what [`encode`] wrote.
///
/// # Errors
/// When the text is not base64, or not a histogram with our bounds and sane counts.
pub(super) fn decode(text: &str) -> Result<Histogram<u64>, HistogramError> {
    let problem = |problem: &str| HistogramError::Encoding(problem.to_owned());
    let bytes = STANDARD.decode(text)?;
    let (envelope, deflated) = bytes.split_at_checked(8).ok_or_else(|| problem("too short"))?;
    if read_u32(envelope, 0) != DEFLATED_COOKIE {
        return Err(problem("its first bytes are not those of a deflated V2 histogram"));
    }
    let mut inflated = Vec::new();
    ZlibDecoder::new(deflated)
        .take(INFLATED_BYTES_MAX + 1)
        .read_to_end(&mut inflated)
        .map_err(|error| problem(&format!("cannot inflate it: {error}")))?;
    if inflated.len() as u64 > INFLATED_BYTES_MAX {
        return Err(problem("it inflates to more than any such histogram needs"));
    }
    check_header(&inflated).map_err(problem)?;
    let histogram = empty_histogram();
    check_counts(&inflated[HEADER_BYTES..], histogram.distinct_values()).map_err(problem)?;
    Deserializer::new()
        .deserialize(&mut inflated.as_slice())
        .map_err(|error| problem(&error.to_string()))
}

fn check_header(bytes: &[u8]) -> Result<(), &'static str> {
    if bytes.len() < HEADER_BYTES {
        return Err("its header is cut short");
    }
    if read_u32(bytes, 0) != INNER_COOKIE {
        return Err("what it inflates to is no V2 histogram");
    }
    if read_u32(bytes, 4) as usize != bytes.len() - HEADER_BYTES {
        return Err("its length is not the one that it states");
    }
    let bounds = (read_u64(bytes, 16), read_u64(bytes, 24));
    if bounds != (LATENCY_US_MIN, LATENCY_US_MAX) {
        return Err("its bounds differ");
    }
    if read_u32(bytes, 12) != u32::from(SIGNIFICANT_DIGITS) {
        return Err("its digits differ");
    }
    Ok(())
}

/// Walks the run-length encoded counts: a positive number is a count, a negative one skips that
/// many empty buckets.
fn check_counts(mut bytes: &[u8], buckets: usize) -> Result<(), &'static str> {
    let mut bucket = 0u64;
    let mut total = 0u64;
    while !bytes.is_empty() {
        let (number, rest) = read_varint(bytes).ok_or("its counts are cut short")?;
        bytes = rest;
        let signed = (number >> 1).cast_signed() ^ -(number & 1).cast_signed();
        if signed < 0 {
            bucket = bucket.saturating_add(signed.unsigned_abs());
        } else {
            bucket = bucket.saturating_add(1);
            total = total.saturating_add(signed.unsigned_abs());
        }
    }
    if bucket > buckets as u64 {
        return Err("it has more buckets than its bounds allow");
    }
    if total > u64::MAX >> 12 {
        return Err("its counts are absurd");
    }
    Ok(())
}

/// Reads a number of 7 bits a byte, least first, in which a ninth byte counts whole.
fn read_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (index, byte) in bytes.iter().take(9).enumerate() {
        let last = index == 8 || byte & 0x80 == 0;
        let bits = if index == 8 { *byte } else { byte & 0x7f };
        value |= u64::from(bits) << (7 * index);
        if last {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

fn read_u32(bytes: &[u8], at: usize) -> u32 {
    bytes[at..at + 4].iter().fold(0, |value, byte| value << 8 | u32::from(*byte))
}

fn read_u64(bytes: &[u8], at: usize) -> u64 {
    u64::from(read_u32(bytes, at)) << 32 | u64::from(read_u32(bytes, at + 4))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// Deflates `inflated` into the text that a record would carry.
    fn envelope(inflated: &[u8]) -> String {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(inflated).unwrap();
        let deflated = encoder.finish().unwrap();
        let mut bytes = DEFLATED_COOKIE.to_be_bytes().to_vec();
        bytes.extend_from_slice(&(deflated.len() as u32).to_be_bytes());
        bytes.extend_from_slice(&deflated);
        STANDARD.encode(bytes)
    }

    fn header(payload_bytes: u32) -> Vec<u8> {
        let mut bytes = INNER_COOKIE.to_be_bytes().to_vec();
        bytes.extend_from_slice(&payload_bytes.to_be_bytes());
        bytes.extend_from_slice(&0u32.to_be_bytes());
        bytes.extend_from_slice(&u32::from(SIGNIFICANT_DIGITS).to_be_bytes());
        bytes.extend_from_slice(&LATENCY_US_MIN.to_be_bytes());
        bytes.extend_from_slice(&LATENCY_US_MAX.to_be_bytes());
        bytes.extend_from_slice(&1f64.to_be_bytes());
        bytes
    }

    #[test]
    fn a_small_text_cannot_take_much_memory() {
        let bomb = envelope(&vec![0; 8 << 20]);
        assert!(bomb.len() < 200_000);
        assert!(decode(&bomb).unwrap_err().to_string().contains("inflates to more"));
        let stated = envelope(&header(u32::MAX));
        assert!(decode(&stated).unwrap_err().to_string().contains("length"));
    }

    #[test]
    fn hostile_counts_are_refused() {
        let mut smallest = header(9);
        smallest.extend_from_slice(&[0xff; 9]);
        assert!(decode(&envelope(&smallest)).unwrap_err().to_string().contains("buckets"));
        let mut huge = header(9);
        huge.extend_from_slice(&[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
        assert!(decode(&envelope(&huge)).unwrap_err().to_string().contains("absurd"));
        let mut cut = header(1);
        cut.push(0x80);
        assert!(decode(&envelope(&cut)).unwrap_err().to_string().contains("cut short"));
    }

    #[test]
    fn the_hand_made_header_is_the_real_one() {
        let mut one = header(1);
        one.push(2);
        let histogram = decode(&envelope(&one)).unwrap();
        assert_eq!((histogram.len(), histogram.max()), (1, 0));
    }
}
