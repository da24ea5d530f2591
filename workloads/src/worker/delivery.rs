//! How results leave and consumed offsets are committed: the part of the loop in which the
//! guarantees differ.
//!
//! - `acknowledged`: at least once; an offset is committed after its results are acknowledged
//! - `transactional`: exactly once; results and offsets are committed in one transaction
//! - `transaction`: what belongs to the open transaction, and what an error asks for
//! - `transactor`: the producing client of `transactional`

mod acknowledged;
mod transaction;
mod transactional;
mod transactor;

use std::time::{Duration, Instant};

use super::WorkerError;
use super::record::Record;
use super::source::Source;

pub(crate) use acknowledged::Acknowledged;
pub(crate) use transactional::Transactional;

/// A guarantee at work. All calls come from the thread of the pipeline.
pub(crate) trait Delivery {
    /// Writes one result; waits while there is no room, and never drops.
    fn send(&mut self, record: &Record<'_>) -> Result<(), WorkerError>;

    /// A record was taken, and all its results were written.
    fn consumed(&mut self, partition: i32, offset: i64) -> Result<(), WorkerError>;

    /// Partitions were assigned.
    fn assigned(&mut self, partitions: &[i32]);

    /// Partitions are given up, after [`Delivery::finish`] or [`Delivery::lost`]: nothing of them
    /// will be committed any more.
    fn revoked(&mut self, partitions: &[i32]);

    /// Number of partitions owned.
    fn owned(&self) -> usize;

    /// How long the pipeline may wait for records between two looks at [`Delivery::is_due`].
    fn patience(&self) -> Duration;

    /// Whether it is time to commit.
    fn is_due(&self, now: Instant) -> bool;

    /// Commits what can be committed, and says what has failed for good.
    fn settle(&mut self, source: &Source, now: Instant) -> Result<(), WorkerError>;

    /// Commits everything taken so far, before partitions are given up or the worker ends; true
    /// if nothing is left open.
    fn finish(&mut self, source: &Source, limit: Duration) -> Result<bool, WorkerError>;

    /// These partitions may have another owner already: what is open must not be committed.
    fn lost(&mut self, source: &Source, partitions: &[i32]) -> Result<(), WorkerError>;
}
