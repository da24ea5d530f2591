//! The JSON of a tick, written by hand because it is the hot path of a load generator.
//!
//! Version 1: `schema_version`, `symbol`, `price`, `volume`, `timestamp` (event time in
//! microseconds since the Unix epoch), `exchange`, `message_id` (the position), and
//! `sequence_number`. Version 2 adds `currency` and `conditions` and renames nothing. A `padding`
//! field, or a few blanks where it does not fit, fill up to the asked length.

use super::Tick;
use crate::generator::Event;
use crate::stream::Stream;

const PADDING_OPEN: &[u8] = b",\"padding\":\"";
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Replaces the content of `out` by the event's payload.
///
/// It is `payload_bytes` long, or longer if the fields alone are (they are never cut).
pub(crate) fn write(
    event: &Event,
    schema_version: u8,
    payload_bytes: usize,
    padding: Stream,
    out: &mut Vec<u8>,
) {
    out.clear();
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(b"{\"schema_version\":");
    out.extend_from_slice(digits.format(schema_version).as_bytes());
    let tick: &Tick = &event.tick;
    text(out, b",\"symbol\":\"", tick.symbol.as_bytes());
    out.extend_from_slice(b",\"price\":");
    out.extend_from_slice(digits.format(tick.price_cents / 100).as_bytes());
    let cents = (tick.price_cents % 100) as u8;
    out.extend_from_slice(&[b'.', b'0' + cents / 10, b'0' + cents % 10]);
    number(out, b",\"volume\":", digits.format(tick.volume));
    number(out, b",\"timestamp\":", digits.format(event.event_time_us));
    text(out, b",\"exchange\":\"", tick.exchange.as_bytes());
    number(out, b",\"message_id\":", digits.format(event.position));
    number(out, b",\"sequence_number\":", digits.format(event.sequence));
    if schema_version >= 2 {
        text(out, b",\"currency\":\"", b"USD");
        text(out, b",\"conditions\":\"", tick.condition.as_bytes());
    }
    fill(event.position, payload_bytes, padding, out);
}

fn text(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(value);
    out.push(b'"');
}

fn number(out: &mut Vec<u8>, name: &[u8], digits: &str) {
    out.extend_from_slice(name);
    out.extend_from_slice(digits.as_bytes());
}

/// Closes the object at exactly `payload_bytes`, if it is not longer already.
fn fill(position: u64, payload_bytes: usize, padding: Stream, out: &mut Vec<u8>) {
    let room = payload_bytes.saturating_sub(out.len() + 1);
    match room.checked_sub(PADDING_OPEN.len() + 1) {
        None => out.resize(out.len() + room, b' '),
        Some(letters) => {
            out.extend_from_slice(PADDING_OPEN);
            let end = out.len() + letters;
            let branch = padding.branch(position);
            let mut word = 0;
            while out.len() < end {
                let mut bits = branch.bits(word);
                word += 1;
                for _ in 0..10.min(end - out.len()) {
                    out.push(ALPHABET[(bits & 63) as usize]);
                    bits >>= 6;
                }
            }
            out.push(b'"');
        }
    }
    out.push(b'}');
}
