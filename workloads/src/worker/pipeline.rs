//! The loop over all records: poll, process, commit, rebalance, drain.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::message::BorrowedMessage;

use super::attempts::Care;
use super::delivery::{Acknowledged, Delivery, Transactional};
use super::metrics::Metrics;
use super::planted_bug::{ReadAhead, RebalanceMeetsRestart};
use super::processor::Processor;
use super::record::{OwnedRecord, Record};
use super::source::{Rebalance, Source};
use super::{PlantedBug, Processing, Rejection, WorkerConfig, WorkerError};
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
    match &config.processing {
        Processing::AtLeastOnce => {
            let delivery = Acknowledged::open(&config, metrics)?;
            consume(&config, delivery, metrics, stop)
        }
        Processing::ExactlyOnce(transactions) => {
            match Transactional::open(&config, transactions, metrics, stop)? {
                Some(delivery) => consume(&config, delivery, metrics, stop),
                None => Ok(()),
            }
        }
    }
}

fn consume<D: Delivery>(
    config: &WorkerConfig,
    delivery: D,
    metrics: &Arc<Metrics>,
    stop: &AtomicBool,
) -> Result<(), WorkerError> {
    let source = Source::open(config)?;
    let early = config.planted_bug == Some(PlantedBug::CommitBeforeProcessing);
    let loses = config.planted_bug == Some(PlantedBug::LoseWhenRebalanceMeetsRestart);
    let mut pipeline = Pipeline {
        processor: Processor::new(config, delivery, Arc::clone(metrics)),
        metrics: Arc::clone(metrics),
        busy_since: clock::now(),
        ahead: early.then(ReadAhead::default),
        meeting: loses.then(RebalanceMeetsRestart::default),
    };
    metrics.ready.store(true, Ordering::Relaxed);
    while !stop.load(Ordering::Relaxed) {
        pipeline.step(&source)?;
    }
    pipeline.drain(&source)
}

struct Pipeline<D> {
    processor: Processor<D>,
    metrics: Arc<Metrics>,
    busy_since: Instant,
    /// Only with the planted bug that commits before processing.
    ahead: Option<ReadAhead>,
    /// Only with the planted bug that loses records in a rebalance.
    meeting: Option<RebalanceMeetsRestart>,
}

impl<D: Delivery> Pipeline<D> {
    fn step(&mut self, source: &Source) -> Result<(), WorkerError> {
        // First without waiting: only a poll that waits is idle time.
        let message = match source.poll(Duration::ZERO)? {
            Some(message) => Some(message),
            None => self.idle(source)?,
        };
        if let Some(message) = message {
            self.take(source, &Record::of(&message))?;
        }
        self.catch_up()?;
        for change in source.rebalances() {
            self.rebalance(source, change)?;
        }
        let now = clock::now();
        if self.processor.delivery.is_due(now) {
            self.processor.release()?;
            self.processor.delivery.settle(source, now)?;
            self.count_busy(now);
        }
        Ok(())
    }

    /// Waits for a record; the time does not count as busy.
    fn idle<'a>(&mut self, source: &'a Source) -> Result<Option<BorrowedMessage<'a>>, WorkerError> {
        self.count_busy(clock::now());
        let message = source.poll(IDLE_WAIT.min(self.processor.delivery.patience()))?;
        self.busy_since = clock::now();
        Ok(message)
    }

    fn count_busy(&mut self, now: Instant) {
        let busy = now.saturating_duration_since(self.busy_since).as_nanos();
        let busy = u64::try_from(busy).unwrap_or(u64::MAX);
        self.metrics.busy_ns.fetch_add(busy, Ordering::Relaxed);
        self.busy_since = now;
    }

    /// Processes a record, or, with a planted bug, only takes note of it or forgets it.
    fn take(&mut self, source: &Source, record: &Record<'_>) -> Result<(), WorkerError> {
        let loses = |bug: &RebalanceMeetsRestart| bug.loses(clock::now(), source.broken());
        if !self.meeting.as_ref().is_some_and(loses) {
            match &mut self.ahead {
                None => {
                    let rejected = self.care(source, record)?;
                    self.processor.process(&Record { rejected, ..*record })?;
                }
                Some(ahead) => ahead.push(clock::now(), OwnedRecord::of(record)),
            }
        }
        self.processor.delivery.consumed(record.partition, record.offset)
    }

    /// Puts a record aside of which workers have died; commits what is before one that need not be
    /// feared.
    fn care(
        &mut self,
        source: &Source,
        record: &Record<'_>,
    ) -> Result<Option<Rejection>, WorkerError> {
        let care = source.care(record);
        if care == Care::Past {
            self.finish(source, REVOKE_LIMIT)?;
            source.past(record.partition);
        }
        Ok((care == Care::PutAside).then_some(Rejection::Deadly))
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

    fn rebalance(&mut self, source: &Source, change: Rebalance) -> Result<(), WorkerError> {
        if let Some(bug) = &mut self.meeting {
            bug.rebalanced(clock::now());
        }
        match change {
            Rebalance::Assign(partitions) => {
                self.processor.delivery.assigned(&partitions);
                source.assign(&partitions);
            }
            Rebalance::Revoke(partitions) => {
                if source.is_assignment_lost() {
                    self.processor.delivery.lost(source, &partitions)?;
                } else {
                    self.finish(source, REVOKE_LIMIT)?;
                    source.leave(&partitions);
                }
                self.processor.delivery.revoked(&partitions);
                source.unassign(&partitions);
            }
        }
        let owned = self.processor.delivery.owned() as u64;
        self.metrics.assigned_partitions.store(owned, Ordering::Relaxed);
        Ok(())
    }

    /// Writes everything taken so far and commits it, or leaves it to be committed when the
    /// partitions are given up; true if nothing is left open.
    fn finish(&mut self, source: &Source, limit: Duration) -> Result<bool, WorkerError> {
        self.processor.release()?;
        self.processor.delivery.finish(source, limit)
    }

    fn drain(mut self, source: &Source) -> Result<(), WorkerError> {
        while let Some(record) = self.ahead.as_mut().and_then(ReadAhead::pop) {
            self.processor.process(&record.borrow())?;
        }
        let finished = self.finish(source, DRAIN_LIMIT)?;
        source.leave_all();
        if finished { Ok(()) } else { Err(WorkerError::Drain(DRAIN_LIMIT)) }
    }
}
