//! The loop over all records: poll, process, commit, rebalance, drain.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::message::BorrowedMessage;

use super::acknowledgements::Acknowledgements;
use super::commit::CommitTracker;
use super::metrics::Metrics;
use super::planted_bug::ReadAhead;
use super::processor::Processor;
use super::record::{OwnedRecord, Record};
use super::sink::Sink;
use super::source::{Rebalance, Source};
use super::{PlantedBug, WorkerConfig, WorkerError};
use crate::clock;

/// How long an idle worker waits in one poll; bounds how late it sees a signal.
const IDLE_WAIT: Duration = Duration::from_millis(50);
/// How long the results of revoked partitions may take to be acknowledged.
const REVOKE_LIMIT: Duration = Duration::from_secs(5);
/// How long the last results may take; below the usual termination grace of 10 s.
const DRAIN_LIMIT: Duration = Duration::from_secs(7);
/// The bug commits this often, so that offsets are committed while their records still wait.
const EARLY_COMMIT_INTERVAL: Duration = Duration::from_millis(20);

/// Runs until the flag is set, then drains.
pub(crate) fn run(
    config: &WorkerConfig,
    metrics: &Arc<Metrics>,
    stop: &AtomicBool,
) -> Result<(), WorkerError> {
    let early = config.planted_bug == Some(PlantedBug::CommitBeforeProcessing);
    let mut config = config.clone();
    if early {
        config.commit_interval = config.commit_interval.min(EARLY_COMMIT_INTERVAL);
    }
    let acknowledgements = Arc::new(Acknowledgements::default());
    let sink = Sink::open(&config, &acknowledgements, metrics)?;
    let tracker = CommitTracker::new(acknowledgements);
    let source = Source::open(&config)?;
    let mut pipeline = Pipeline {
        processor: Processor::new(&config, sink, tracker, Arc::clone(metrics)),
        metrics: Arc::clone(metrics),
        // Twice a commit interval, so that a commit is never a whole interval behind.
        snapshot_interval: config.commit_interval / 2,
        snapshot_at: clock::now(),
        busy_since: clock::now(),
        ahead: early.then(ReadAhead::default),
    };
    metrics.ready.store(true, Ordering::Relaxed);
    while !stop.load(Ordering::Relaxed) {
        pipeline.step(&source)?;
    }
    pipeline.drain(&source)
}

struct Pipeline {
    processor: Processor,
    metrics: Arc<Metrics>,
    snapshot_interval: Duration,
    snapshot_at: Instant,
    busy_since: Instant,
    /// Only with the planted bug that commits before processing.
    ahead: Option<ReadAhead>,
}

impl Pipeline {
    fn step(&mut self, source: &Source) -> Result<(), WorkerError> {
        // First without waiting: only a poll that waits is idle time.
        let message = match source.poll(Duration::ZERO)? {
            Some(message) => Some(message),
            None => self.idle(source)?,
        };
        if let Some(message) = message {
            self.take(&Record::of(&message))?;
        }
        self.catch_up()?;
        for change in source.rebalances() {
            self.rebalance(source, change)?;
        }
        let now = clock::now();
        if now.saturating_duration_since(self.snapshot_at) >= self.snapshot_interval {
            self.snapshot(source, now)?;
        }
        Ok(())
    }

    /// Waits for a record; the time does not count as busy.
    fn idle<'a>(&mut self, source: &'a Source) -> Result<Option<BorrowedMessage<'a>>, WorkerError> {
        self.count_busy(clock::now());
        let message = source.poll(IDLE_WAIT.min(self.snapshot_interval))?;
        self.busy_since = clock::now();
        Ok(message)
    }

    fn count_busy(&mut self, now: Instant) {
        let busy = now.saturating_duration_since(self.busy_since).as_nanos();
        let busy = u64::try_from(busy).unwrap_or(u64::MAX);
        self.metrics.busy_ns.fetch_add(busy, Ordering::Relaxed);
        self.busy_since = now;
    }

    /// Processes a record, or, with the planted bug, only takes note of it.
    fn take(&mut self, record: &Record<'_>) -> Result<(), WorkerError> {
        match &mut self.ahead {
            None => self.processor.process(record)?,
            Some(ahead) => ahead.push(clock::now(), OwnedRecord::of(record)),
        }
        self.processor.tracker.consumed(record.partition, record.offset);
        Ok(())
    }

    /// Processes what the planted bug has let wait long enough.
    fn catch_up(&mut self) -> Result<(), WorkerError> {
        let Some(ahead) = &mut self.ahead else { return Ok(()) };
        let now = clock::now();
        while let Some(record) = ahead.pop_due(now) {
            self.processor.process(&record.borrow())?;
        }
        Ok(())
    }

    fn snapshot(&mut self, source: &Source, now: Instant) -> Result<(), WorkerError> {
        self.processor.sink.check()?;
        self.processor.release()?;
        source.store(&self.processor.tracker.snapshot());
        self.snapshot_at = now;
        self.count_busy(now);
        Ok(())
    }

    fn rebalance(&mut self, source: &Source, change: Rebalance) -> Result<(), WorkerError> {
        let tracker = &mut self.processor.tracker;
        match change {
            Rebalance::Assign(partitions) => {
                tracker.assigned(&partitions);
                source.assign(&partitions);
            }
            Rebalance::Revoke(partitions) => {
                if source.is_assignment_lost() {
                    tracing::warn!(?partitions, "partitions lost; their last results come again");
                } else {
                    self.finish(source, REVOKE_LIMIT)?;
                }
                self.processor.tracker.revoked(&partitions);
                source.unassign(&partitions);
            }
        }
        let owned = self.processor.tracker.owned() as u64;
        self.metrics.assigned_partitions.store(owned, Ordering::Relaxed);
        Ok(())
    }

    /// Writes and flushes everything taken so far, and leaves it to be committed when the
    /// partitions are given up; true if all was acknowledged.
    fn finish(&mut self, source: &Source, limit: Duration) -> Result<bool, WorkerError> {
        self.processor.release()?;
        let flushed = self.processor.sink.flush(limit);
        self.processor.sink.check()?;
        source.store(&self.processor.tracker.snapshot());
        Ok(flushed)
    }

    fn drain(mut self, source: &Source) -> Result<(), WorkerError> {
        while let Some(record) = self.ahead.as_mut().and_then(ReadAhead::pop) {
            self.processor.process(&record.borrow())?;
        }
        if self.finish(source, DRAIN_LIMIT)? {
            Ok(())
        } else {
            Err(WorkerError::Drain(DRAIN_LIMIT))
        }
    }
}
