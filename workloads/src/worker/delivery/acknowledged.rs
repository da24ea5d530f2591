//! At least once: an offset is committed after the results up to it are acknowledged.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Delivery;
use crate::clock;
use crate::worker::acknowledgements::Acknowledgements;
use crate::worker::commit::CommitTracker;
use crate::worker::metrics::Metrics;
use crate::worker::record::Record;
use crate::worker::sink::Sink;
use crate::worker::source::Source;
use crate::worker::{WorkerConfig, WorkerError};

/// A producer, and the offsets that wait for its acknowledgements.
pub(crate) struct Acknowledged {
    sink: Sink,
    tracker: CommitTracker,
    snapshot_interval: Duration,
    snapshot_at: Instant,
}

impl Acknowledged {
    pub(crate) fn open(config: &WorkerConfig, metrics: &Arc<Metrics>) -> Result<Self, WorkerError> {
        let acknowledgements = Arc::new(Acknowledgements::default());
        Ok(Self {
            sink: Sink::open(config, &acknowledgements, metrics)?,
            tracker: CommitTracker::new(acknowledgements),
            // Twice a commit interval, so that a commit is never a whole interval behind.
            snapshot_interval: config.commit_interval / 2,
            snapshot_at: clock::now(),
        })
    }
}

impl Delivery for Acknowledged {
    fn send(&mut self, record: &Record<'_>) -> Result<(), WorkerError> {
        self.sink.send(record, self.tracker.producing())
    }

    fn consumed(&mut self, partition: i32, offset: i64) -> Result<(), WorkerError> {
        self.tracker.consumed(partition, offset);
        Ok(())
    }

    fn assigned(&mut self, partitions: &[i32]) {
        self.tracker.assigned(partitions);
    }

    fn revoked(&mut self, partitions: &[i32]) {
        self.tracker.revoked(partitions);
    }

    fn owned(&self) -> usize {
        self.tracker.owned()
    }

    fn patience(&self) -> Duration {
        self.snapshot_interval
    }

    fn is_due(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.snapshot_at) >= self.snapshot_interval
    }

    fn settle(&mut self, source: &Source, now: Instant) -> Result<(), WorkerError> {
        self.sink.check()?;
        source.store(&self.tracker.snapshot());
        self.snapshot_at = now;
        Ok(())
    }

    fn finish(&mut self, source: &Source, limit: Duration) -> Result<bool, WorkerError> {
        let flushed = self.sink.flush(limit);
        self.sink.check()?;
        source.store(&self.tracker.snapshot());
        Ok(flushed)
    }

    fn lost(&mut self, _source: &Source, partitions: &[i32]) -> Result<(), WorkerError> {
        tracing::warn!(?partitions, "partitions lost; their last results come again");
        Ok(())
    }
}
