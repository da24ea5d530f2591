//! What a rule has done so far, counted by the connections that it concerns.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock;

/// What a rule has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RuleCounters {
    /// Connections that the rule has done something to.
    pub connections: u64,
    /// Chunks held, or delivered late. The end of a stream is a chunk of no bytes.
    pub chunks: u64,
    /// Bytes read and held back. More may wait in the kernel, uncounted.
    pub bytes_held: u64,
    /// Bytes delivered late.
    pub bytes_delayed: u64,
    /// Held bytes that were dropped because their client closed the connection.
    pub bytes_abandoned: u64,
    /// Bytes sent to a side that was not there any more.
    pub bytes_swallowed: u64,
    /// Packets whose loss was drawn.
    pub packets: u64,
    /// Packets that were lost.
    pub packets_lost: u64,
    /// The longest that bytes were held before they went on, in microseconds.
    pub held_us_max: u64,
    /// The sum over late chunks of how late they were, in microseconds.
    pub delay_us_total: u64,
    /// How late the latest chunk was, in microseconds.
    pub delay_us_max: u64,
    /// From the installation to the first effect.
    pub first_effect: Option<Duration>,
}

/// The counters while the rule is at work.
#[derive(Debug)]
pub(super) struct Counters {
    installed: Instant,
    connections: AtomicU64,
    chunks: AtomicU64,
    bytes_held: AtomicU64,
    bytes_delayed: AtomicU64,
    bytes_abandoned: AtomicU64,
    bytes_swallowed: AtomicU64,
    packets: AtomicU64,
    packets_lost: AtomicU64,
    held_us_max: AtomicU64,
    delay_us_total: AtomicU64,
    delay_us_max: AtomicU64,
    /// Microseconds from the installation, plus one; 0 for never.
    first_effect_us: AtomicU64,
}

impl Counters {
    pub(super) fn new(installed: Instant) -> Self {
        Self {
            installed,
            connections: AtomicU64::new(0),
            chunks: AtomicU64::new(0),
            bytes_held: AtomicU64::new(0),
            bytes_delayed: AtomicU64::new(0),
            bytes_abandoned: AtomicU64::new(0),
            bytes_swallowed: AtomicU64::new(0),
            packets: AtomicU64::new(0),
            packets_lost: AtomicU64::new(0),
            held_us_max: AtomicU64::new(0),
            delay_us_total: AtomicU64::new(0),
            delay_us_max: AtomicU64::new(0),
            first_effect_us: AtomicU64::new(0),
        }
    }

    pub(super) fn connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn held(&self, bytes: usize) {
        self.chunks.fetch_add(1, Ordering::Relaxed);
        self.bytes_held.fetch_add(bytes as u64, Ordering::Relaxed);
        self.effect();
    }

    pub(super) fn released(&self, held: Duration) {
        self.held_us_max.fetch_max(micros(held), Ordering::Relaxed);
    }

    pub(super) fn abandoned(&self, bytes: usize) {
        self.bytes_abandoned.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn flown(&self, packets: u64, lost: u64) {
        self.packets.fetch_add(packets, Ordering::Relaxed);
        self.packets_lost.fetch_add(lost, Ordering::Relaxed);
    }

    pub(super) fn delayed(&self, bytes: usize, late: Duration) {
        let late_us = micros(late);
        self.chunks.fetch_add(1, Ordering::Relaxed);
        self.bytes_delayed.fetch_add(bytes as u64, Ordering::Relaxed);
        self.delay_us_total.fetch_add(late_us, Ordering::Relaxed);
        self.delay_us_max.fetch_max(late_us, Ordering::Relaxed);
        self.effect();
    }

    pub(super) fn swallowed(&self, bytes: usize) {
        self.bytes_swallowed.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The rule has done something; the first time counts.
    pub(super) fn effect(&self) {
        if self.first_effect_us.load(Ordering::Relaxed) == 0 {
            let since = clock::now().saturating_duration_since(self.installed);
            let first = micros(since).saturating_add(1);
            // Another pump may have been first; then its time stays.
            let _kept = self.first_effect_us.compare_exchange(
                0,
                first,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
        }
    }

    pub(super) fn read(&self) -> RuleCounters {
        let now = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        RuleCounters {
            connections: now(&self.connections),
            chunks: now(&self.chunks),
            bytes_held: now(&self.bytes_held),
            bytes_delayed: now(&self.bytes_delayed),
            bytes_abandoned: now(&self.bytes_abandoned),
            bytes_swallowed: now(&self.bytes_swallowed),
            packets: now(&self.packets),
            packets_lost: now(&self.packets_lost),
            held_us_max: now(&self.held_us_max),
            delay_us_total: now(&self.delay_us_total),
            delay_us_max: now(&self.delay_us_max),
            first_effect: now(&self.first_effect_us).checked_sub(1).map(Duration::from_micros),
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
