//! Events and their bytes, as pure functions of workload, seed and position.

use std::fmt::Write;
use std::ops::RangeInclusive;

use sha2::{Digest, Sha256};

use crate::keys::{KeyBlock, KeyPlan};
use crate::market::{Knots, Market, Tick, When, write_json};
use crate::spec::Workload;
use crate::stamp::Stamp;
use crate::stream::{Aspect, Stream};

/// Start of the load that event times count from unless told otherwise: 2025-01-02 14:30:00 UTC.
const ORIGIN_US: u64 = 1_735_828_200_000_000;
/// The schema versions that payloads may have.
pub(crate) const SCHEMA_VERSIONS: RangeInclusive<u8> = 1..=2;
const FINGERPRINT_EVENTS: u64 = 10_000;

/// One event, before serialisation.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Event {
    /// Number of the message in the trial, from 0.
    pub position: u64,
    /// When it is due, in nanoseconds from the start of the load.
    pub intended_ns: u64,
    /// When it is due, in microseconds since the Unix epoch.
    pub intended_us: u64,
    /// When it happened, in microseconds since the Unix epoch: before `intended_us` if late.
    pub event_time_us: u64,
    /// Index of the key.
    pub key: u32,
    /// Sequence number within the key, from 0.
    pub sequence: u32,
    /// Version of the payload's schema at this time.
    pub schema_version: u8,
    /// What happened.
    pub tick: Tick,
}

impl Event {
    /// The header that goes with the record.
    #[must_use]
    pub fn stamp(&self, trial: u32) -> Stamp {
        Stamp {
            schema_version: self.schema_version,
            trial,
            position: self.position,
            intended_us: self.intended_us,
            key: self.key,
            sequence: self.sequence,
        }
    }

    /// The record key.
    #[must_use]
    pub fn key_bytes(&self) -> &[u8] {
        self.tick.symbol.as_bytes()
    }
}

/// Makes events. Asking in ascending order is fastest; any order gives the same events.
#[derive(Clone, Debug)]
pub struct Generator {
    workload: Workload,
    origin_us: u64,
    keys: KeyPlan,
    block: KeyBlock,
    market: Market,
    common: Option<(u64, Knots)>,
    late_or_not: Stream,
    lateness: Stream,
    padding: Stream,
}

impl Generator {
    /// A generator of this workload's events for a seed.
    #[must_use]
    pub fn new(workload: &Workload, seed: u64) -> Self {
        let market = &workload.market;
        let keys = KeyPlan::new(market.symbols, market.skew, Stream::new(seed, Aspect::KeyOrder));
        Self {
            workload: workload.clone(),
            origin_us: ORIGIN_US,
            block: keys.block(),
            keys,
            market: Market::new(market, seed),
            common: None,
            late_or_not: Stream::new(seed, Aspect::LateOrNot),
            lateness: Stream::new(seed, Aspect::Lateness),
            padding: Stream::new(seed, Aspect::Padding),
        }
    }

    /// Counts event times and intended times from this start of the load, in microseconds since
    /// the Unix epoch, instead of a fixed date.
    #[must_use]
    pub fn with_origin_us(mut self, origin_us: u64) -> Self {
        self.origin_us = origin_us;
        self
    }

    /// Makes payloads of another length than the workload's.
    #[must_use]
    pub fn with_payload_bytes(mut self, payload_bytes: usize) -> Self {
        self.workload.payload_bytes = payload_bytes;
        self
    }

    /// Writes the event at a position into `event`.
    pub fn event(&mut self, position: u64, event: &mut Event) {
        let intended_ns = self.workload.arrival.intended_ns(position);
        let intended_us = self.origin_us.saturating_add(intended_ns / 1_000);
        let late_us = self
            .workload
            .lateness
            .as_ref()
            .map_or(0, |lateness| lateness.at(self.late_or_not, self.lateness, position));
        let (key, sequence) = self.keys.at(position, &mut self.block);
        let slots = self.keys.slots();
        let when =
            When { block: position / slots, fraction: (position % slots) as f64 / slots as f64 };
        let common = match self.common {
            Some((block, knots)) if block == when.block => knots,
            _ => self.market.common_knots(when.block),
        };
        self.common = Some((when.block, common));
        *event = Event {
            position,
            intended_ns,
            intended_us,
            event_time_us: intended_us.saturating_sub(late_us),
            key,
            sequence,
            schema_version: self.workload.schema_version_at_ns(intended_ns),
            tick: self.market.tick(key, position, when, &common),
        };
    }

    /// Replaces the content of `out` by the event's payload in a schema version (1 or 2):
    /// JSON, as long as the workload asks.
    pub fn serialize(&self, event: &Event, schema_version: u8, out: &mut Vec<u8>) {
        write_json(event, schema_version, self.workload.payload_bytes, self.padding, out);
    }
}

/// Identifies a workload's bytes: 32 hexadecimal digits of a SHA-256 over intended offset, stamp,
/// key and payload of the first 10,000 events.
#[must_use]
pub fn fingerprint(workload: &Workload, seed: u64) -> String {
    let mut generator = Generator::new(workload, seed);
    let (mut event, mut payload) = (Event::default(), Vec::new());
    let mut hash = Sha256::new();
    for position in 0..workload.total().min(FINGERPRINT_EVENTS) {
        generator.event(position, &mut event);
        generator.serialize(&event, event.schema_version, &mut payload);
        hash.update(event.intended_ns.to_be_bytes());
        hash.update(event.stamp(0).encode());
        hash.update(event.key_bytes());
        hash.update((payload.len() as u64).to_be_bytes());
        hash.update(&payload);
    }
    let mut hex = String::with_capacity(32);
    for byte in hash.finalize().iter().take(16) {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

#[cfg(test)]
mod tests;
