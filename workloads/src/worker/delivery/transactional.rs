//! Exactly once: results and the offsets they come from are committed in one transaction.
//!
//! A transaction that cannot be committed is aborted, and its records are read again. Whatever
//! cannot be decided ends the worker: the process that takes its place learns it from the brokers.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::Delivery;
use super::transaction::Transaction;
use super::transactor::{Step, Transactor, Written};
use crate::clock;
use crate::stamp::Stamp;
use crate::worker::metrics::Metrics;
use crate::worker::processing::Transactions;
use crate::worker::record::Record;
use crate::worker::source::Source;
use crate::worker::{WorkerConfig, WorkerError};

/// How long the end of a transaction may take in the midst of work.
const SETTLE_LIMIT: Duration = Duration::from_secs(30);

/// A transactional producer and its open transaction.
pub(crate) struct Transactional {
    transactor: Transactor,
    transaction: Transaction,
    metrics: Arc<Metrics>,
    interval: Duration,
}

impl Transactional {
    /// Makes the client; `None` if the worker was told to stop meanwhile.
    pub(crate) fn open(
        config: &WorkerConfig,
        transactions: &Transactions,
        metrics: &Arc<Metrics>,
        stop: &AtomicBool,
    ) -> Result<Option<Self>, WorkerError> {
        // The brokers would abort a transaction that is longer than their patience.
        let interval = config.commit_interval.min(transactions.timeout / 2);
        let transactor = Transactor::open(config, transactions, metrics.clock(), stop)?;
        Ok(transactor.map(|transactor| Self {
            transactor,
            transaction: Transaction::new(interval),
            metrics: Arc::clone(metrics),
            interval,
        }))
    }

    fn begin(&mut self) -> Result<(), WorkerError> {
        if !self.transaction.is_open() {
            self.transactor.begin()?;
            self.transaction.begin(clock::now());
        }
        Ok(())
    }

    /// Commits the open transaction, or aborts it and goes back if it cannot be committed.
    fn end(&mut self, source: &Source, limit: Duration) -> Result<(), WorkerError> {
        if !self.transaction.is_open() {
            return Ok(());
        }
        let deadline = clock::now() + limit;
        match self.commit(source, deadline)? {
            Step::Done => {
                self.metrics.acknowledged(self.transaction.committed());
                Ok(())
            }
            Step::MustAbort => self.abort(source, &[], deadline),
        }
    }

    fn commit(&mut self, source: &Source, deadline: Instant) -> Result<Step, WorkerError> {
        if self.transaction.is_broken() {
            return Ok(Step::MustAbort);
        }
        let positions = self.transaction.offsets();
        if !positions.is_empty() {
            let Some(group) = source.group() else { return Ok(Step::MustAbort) };
            let offsets = source.offsets(positions);
            if self.transactor.add_offsets(offsets, group, deadline)? == Step::MustAbort {
                return Ok(Step::MustAbort);
            }
        }
        self.transactor.commit(deadline)
    }

    /// Aborts, and reads again what this worker still owns.
    fn abort(
        &mut self,
        source: &Source,
        given_up: &[i32],
        deadline: Instant,
    ) -> Result<(), WorkerError> {
        self.transactor.abort(deadline)?;
        let mut back = self.transaction.aborted();
        back.retain(|partition, _| !given_up.contains(partition));
        tracing::info!(partitions = back.len(), "transaction aborted; its records are read again");
        source.seek(&back)
    }
}

impl Delivery for Transactional {
    fn send(&mut self, record: &Record<'_>) -> Result<(), WorkerError> {
        self.begin()?;
        match self.transactor.send(record)? {
            Written::Taken => {
                let stamp = record.header.and_then(Stamp::decode);
                self.transaction.wrote(stamp.map(|stamp| stamp.intended_us));
            }
            Written::MustAbort => self.transaction.refused(),
        }
        Ok(())
    }

    fn consumed(&mut self, partition: i32, offset: i64) -> Result<(), WorkerError> {
        self.begin()?;
        self.transaction.consumed(partition, offset);
        Ok(())
    }

    fn assigned(&mut self, partitions: &[i32]) {
        self.transaction.assigned(partitions);
    }

    fn revoked(&mut self, partitions: &[i32]) {
        self.transaction.revoked(partitions);
    }

    fn owned(&self) -> usize {
        self.transaction.owned()
    }

    fn patience(&self) -> Duration {
        self.interval / 2
    }

    fn is_due(&self, now: Instant) -> bool {
        self.transaction.is_due(now)
    }

    fn settle(&mut self, source: &Source, _now: Instant) -> Result<(), WorkerError> {
        self.end(source, SETTLE_LIMIT)
    }

    /// An abort leaves nothing open either: the next owner reads the records again.
    fn finish(&mut self, source: &Source, limit: Duration) -> Result<bool, WorkerError> {
        self.end(source, limit)?;
        Ok(true)
    }

    fn lost(&mut self, source: &Source, partitions: &[i32]) -> Result<(), WorkerError> {
        tracing::warn!(?partitions, "partitions lost; what is open is aborted");
        if !self.transaction.is_open() {
            return Ok(());
        }
        self.abort(source, partitions, clock::now() + SETTLE_LIMIT)
    }
}
