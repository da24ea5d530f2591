//! How long messages take to be acknowledged, for who asks.

use crate::clock::Anchor;
use results::Latencies;
use std::sync::{Mutex, PoisonError};
use workloads::{Arrival, Workload};

/// Times from the intended send of a message to its acknowledgement by the brokers.
#[derive(Debug)]
pub struct Published {
    arrival: Arrival,
    anchor: Anchor,
    times: Mutex<Latencies>,
}

impl Published {
    /// Nothing acknowledged yet, of a load that starts at the anchor.
    pub fn new(workload: &Workload, anchor: Anchor) -> Self {
        Self { arrival: workload.arrival().clone(), anchor, times: Mutex::default() }
    }

    /// Times of the messages that were acknowledged since the last call.
    pub fn take(&self) -> Latencies {
        std::mem::take(&mut *self.times.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes that a message is acknowledged now.
    pub(super) fn acknowledged(&self, position: u64) {
        let due_ns = i64::try_from(self.arrival.intended_ns(position)).unwrap_or(i64::MAX);
        let took_us = self.anchor.elapsed_ns().saturating_sub(due_ns) / 1_000;
        self.times.lock().unwrap_or_else(PoisonError::into_inner).record_us(took_us);
    }
}
