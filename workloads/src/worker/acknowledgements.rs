//! How many results of each epoch the broker has acknowledged.
//!
//! An epoch is the stretch between two snapshots of the consumed positions. The producer's
//! thread counts here with one atomic addition a record; the consumer's thread reads.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most epochs that may be open at once. At the shortest commit interval that is 10 s without
/// any acknowledgement; after that epochs become longer, and nothing is forgotten.
pub(crate) const OPEN_EPOCHS_MAX: usize = 1_024;

/// Counters shared between the two threads.
#[derive(Debug)]
pub(crate) struct Acknowledgements {
    acknowledged: Box<[AtomicU64]>,
    failure: OnceLock<String>,
}

impl Default for Acknowledgements {
    fn default() -> Self {
        let acknowledged = (0..OPEN_EPOCHS_MAX).map(|_| AtomicU64::new(0)).collect();
        Self { acknowledged, failure: OnceLock::new() }
    }
}

impl Acknowledgements {
    /// One more result of an epoch was acknowledged.
    pub(crate) fn acknowledge(&self, epoch: usize) {
        self.acknowledged[epoch % OPEN_EPOCHS_MAX].fetch_add(1, Ordering::Release);
    }

    /// A result was not accepted: its epoch will never be complete.
    pub(crate) fn fail(&self, reason: String) {
        // Only the first failure is told; the worker stops because of it.
        let _ = self.failure.set(reason);
    }

    /// The first failure, if any.
    pub(crate) fn failure(&self) -> Option<&str> {
        self.failure.get().map(String::as_str)
    }

    /// Results acknowledged so far of an epoch.
    pub(crate) fn count(&self, epoch: usize) -> u64 {
        self.acknowledged[epoch % OPEN_EPOCHS_MAX].load(Ordering::Acquire)
    }

    /// Makes the counter of a complete epoch free for a later one.
    pub(crate) fn release(&self, epoch: usize) {
        self.acknowledged[epoch % OPEN_EPOCHS_MAX].store(0, Ordering::Release);
    }
}
