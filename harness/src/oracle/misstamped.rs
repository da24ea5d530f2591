//! Misstamped: a result whose stamp bears another intended time than the schedule gives to its
//! message.
//!
//! A driver that stamps when it sends, and not when the schedule said to, hides every delay that
//! it suffered itself (coordinated omission). The time is held against the plan of arrivals, by
//! the message's number and without the generator that made the stamp.

use workloads::{Arrival, Stamp};

/// Holds intended times against the plan. Takes the plan: 32 bytes a change of the rate.
#[derive(Debug)]
pub(super) struct Misstamped {
    arrival: Arrival,
    /// Start of the load, microseconds since the Unix epoch.
    origin_us: u64,
    count: u64,
}

impl Misstamped {
    pub(super) fn new(arrival: Arrival, origin_us: u64) -> Self {
        Self { arrival, origin_us, count: 0 }
    }

    pub(super) fn note(&mut self, stamp: &Stamp) {
        let after_us = stamp.intended_us.checked_sub(self.origin_us);
        let due = after_us.is_some_and(|after| self.arrival.is_due_in_us(stamp.position, after));
        self.count += u64::from(!due);
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }
}
