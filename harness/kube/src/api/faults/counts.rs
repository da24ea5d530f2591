//! What a fault has done, counted where it was done.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// What a fault of the API has done so far. What does not apply to it stays zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ApiFaultCounts {
    /// Connections cut.
    pub connections: u64,
    /// Requests that waited, failed, got an old state, or asked for a version that is gone.
    pub requests: u64,
    /// Watches cut or stalled.
    pub watches: u64,
    /// Events withheld or late.
    pub events: u64,
    /// Changes that no event told of by themselves, as a later one did.
    pub merged: u64,
    /// The longest that a request waited or an event was late.
    pub longest: Duration,
    /// The most versions by which a state was old.
    pub versions_behind: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) connections: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) watches: AtomicU64,
    pub(super) events: AtomicU64,
    pub(super) merged: AtomicU64,
    longest_us: AtomicU64,
    pub(super) versions_behind: AtomicU64,
}

impl Counts {
    pub(super) fn took(&self, time: Duration) {
        self.longest_us.fetch_max(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Relaxed);
    }

    pub(super) fn read(&self) -> ApiFaultCounts {
        ApiFaultCounts {
            connections: self.connections.load(Relaxed),
            requests: self.requests.load(Relaxed),
            watches: self.watches.load(Relaxed),
            events: self.events.load(Relaxed),
            merged: self.merged.load(Relaxed),
            longest: Duration::from_micros(self.longest_us.load(Relaxed)),
            versions_behind: self.versions_behind.load(Relaxed),
        }
    }
}
