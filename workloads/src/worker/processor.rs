//! What happens to one record: service time, result, and the planted bug if any.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::debt::{Debt, RealSleeper};
use super::delivery::Delivery;
use super::leak::Leak;
use super::metrics::Metrics;
use super::planted_bug::{
    DuplicateHidesLoss, Order, SwapWithinKey, invented, is_dropped, is_dropped_from,
};
use super::poison::die_of;
use super::record::Record;
use super::rejection::Finding;
use super::{PlantedBug, Rejection, ServiceTime, WorkerConfig, WorkerError};
use crate::clock;

/// Serves records and writes their results.
pub(crate) struct Processor<D> {
    pub(crate) delivery: D,
    service_time: ServiceTime,
    /// What a service time is multiplied by.
    stretch: f64,
    debt: Debt<RealSleeper>,
    leak: Leak,
    /// Whether there is a place for records that cannot be processed.
    puts_aside: bool,
    bug: Bug,
    metrics: Arc<Metrics>,
}

enum Bug {
    None,
    Drop { every: u64 },
    DropFrom { position: u64 },
    Invent { every: u64 },
    Duplicate(DuplicateHidesLoss),
    Swap(SwapWithinKey),
}

impl<D: Delivery> Processor<D> {
    pub(crate) fn new(config: &WorkerConfig, delivery: D, metrics: Arc<Metrics>) -> Self {
        let bug = match config.planted_bug {
            // The pipeline makes these two mistakes.
            Some(
                PlantedBug::CommitBeforeProcessing | PlantedBug::LoseWhenRebalanceMeetsRestart,
            )
            | None => Bug::None,
            Some(PlantedBug::DropOneIn { every }) => Bug::Drop { every },
            Some(PlantedBug::DropFrom { position }) => Bug::DropFrom { position },
            Some(PlantedBug::InventOneIn { every }) => Bug::Invent { every },
            Some(PlantedBug::DuplicateHidesLoss { every }) => {
                Bug::Duplicate(DuplicateHidesLoss::new(every))
            }
            Some(PlantedBug::SwapWithinKey { every }) => Bug::Swap(SwapWithinKey::new(every)),
        };
        let (service_time, stretch) = (config.service_time, 1.0 + config.slowed_by);
        let (debt, leak) = (Debt::new(RealSleeper), Leak::new(config.leak_bytes));
        let puts_aside = config.dead_letter_topic.is_some();
        Self { delivery, service_time, stretch, debt, leak, puts_aside, bug, metrics }
    }

    /// Spends the record's service time and writes its result, or puts the record aside.
    pub(crate) fn process(&mut self, record: &Record<'_>) -> Result<(), WorkerError> {
        if let Some(rejection) = record.rejected.or_else(|| self.rejects(record)) {
            self.metrics.rejected.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(%rejection, offset = record.offset, "record put aside");
            return self.write(&Record { rejected: Some(rejection), ..*record });
        }
        let start = clock::now();
        let position = record.position();
        let charged_ns = (self.service_time.at_ns(position) as f64 * self.stretch).round() as u64;
        let slept = self.debt.serve(charged_ns);
        self.leak.grow();
        self.metrics.records.fetch_add(1, Ordering::Relaxed);
        self.write_results(position, record)?;
        // A sleep is for many records: this one counts what it was charged, not what was slept.
        let worked = clock::now().saturating_duration_since(start).saturating_sub(slept);
        let worked_ns = u64::try_from(worked.as_nanos()).unwrap_or(u64::MAX);
        self.metrics.observe_service_ns(charged_ns.saturating_add(worked_ns));
        Ok(())
    }

    fn rejects(&self, record: &Record<'_>) -> Option<Rejection> {
        if !self.puts_aside {
            return None;
        }
        match Finding::of(record.value) {
            Finding::Sound => None,
            Finding::Poison => die_of(record),
            Finding::Unfit(rejection) => Some(rejection),
        }
    }

    /// Writes one result, or what the planted bug makes of it.
    fn write_results(&mut self, position: u64, record: &Record<'_>) -> Result<(), WorkerError> {
        match &mut self.bug {
            Bug::None => self.write(record),
            Bug::Drop { every } if is_dropped(position, *every) => Ok(()),
            Bug::Drop { .. } => self.write(record),
            Bug::DropFrom { position: from } if is_dropped_from(position, *from) => Ok(()),
            Bug::DropFrom { .. } => self.write(record),
            Bug::Invent { every } => {
                let every = *every;
                self.write(record)?;
                match invented(record.header, position, every) {
                    Some(header) => self.write(&Record { header: Some(&header), ..*record }),
                    None => Ok(()),
                }
            }
            Bug::Duplicate(bug) => {
                let copies = bug.copies(position);
                (0..copies).try_for_each(|_| self.write(record))
            }
            Bug::Swap(bug) => match bug.order(record) {
                Order::AsIs => self.write(record),
                Order::Held => Ok(()),
                Order::Then(held) => {
                    self.write(record)?;
                    self.write(&held.borrow())
                }
            },
        }
    }

    /// Writes what a planted bug holds back, so that it is never committed unwritten.
    pub(crate) fn release(&mut self) -> Result<(), WorkerError> {
        let Bug::Swap(bug) = &mut self.bug else { return Ok(()) };
        match bug.release() {
            Some(held) => self.write(&held.borrow()),
            None => Ok(()),
        }
    }

    fn write(&mut self, record: &Record<'_>) -> Result<(), WorkerError> {
        self.delivery.send(record)
    }
}
