//! One broker's copy of a partition: its own log, its own high watermark, and who it believes
//! leads.

use std::time::Duration;

use kafka_protocol::ResponseError;

use super::Placed;
use super::following::Incoming;
use super::leading::Leading;
use super::registration::Registration;
use crate::fault::Defect;
use crate::log::producers::Sequence;
use crate::log::{Batch, Log};

/// A broker's copy.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) broker: i32,
    pub(crate) log: Log,
    pub(super) high_watermark: i64,
    /// The last stable offset when the high watermark moved last.
    stable: i64,
    /// The leader of this epoch, as the broker has heard.
    pub(super) leader: Option<i32>,
    pub(super) leader_epoch: i32,
    pub(super) leading: Option<Leading>,
    /// Whether a follower has cut off what its leader does not have.
    pub(super) reconciled: bool,
    /// The answer to a follower's fetch, on its way.
    pub(super) incoming: Option<Incoming>,
    /// Records before this offset are on disk, whatever their age.
    flushed: i64,
    /// Its log directory has failed.
    offline: bool,
}

impl Replica {
    pub(super) fn new(broker: i32) -> Self {
        Self {
            broker,
            log: Log::default(),
            high_watermark: 0,
            stable: 0,
            leader: None,
            leader_epoch: -1,
            leading: None,
            reconciled: false,
            incoming: None,
            flushed: 0,
            offline: false,
        }
    }

    /// The offset after the last record that consumers see here.
    pub(crate) fn high_watermark(&self) -> i64 {
        self.high_watermark
    }

    /// The offset after the last record that readers of committed records see here.
    pub(crate) fn last_stable(&self) -> i64 {
        self.log.last_stable(self.high_watermark)
    }

    /// The high watermark has moved: from where to where the last stable offset did.
    pub(crate) fn stabilise(&mut self) -> (i64, i64) {
        let stable = self.last_stable();
        (std::mem::replace(&mut self.stable, stable), stable)
    }

    /// The epoch that this broker believes in.
    pub(crate) fn leader_epoch(&self) -> i32 {
        self.leader_epoch
    }

    /// Whether this broker takes itself for the leader.
    pub(crate) fn leads(&self) -> bool {
        self.leading.is_some()
    }

    /// Where `epoch` ended here, for who looks for truncation.
    pub(crate) fn epoch_end(&self, epoch: i32) -> Option<(i32, i64)> {
        self.log.epoch_end(epoch)
    }

    /// Whether a client that believes in `epoch` (-1: it does not say) may be served.
    pub(super) fn check_leader(&self, epoch: i32) -> Result<(), ResponseError> {
        self.check_epoch(epoch)?;
        if self.leads() { Ok(()) } else { Err(ResponseError::NotLeaderOrFollower) }
    }

    /// The same where a follower may serve too.
    pub(super) fn check_epoch(&self, epoch: i32) -> Result<(), ResponseError> {
        if self.offline {
            return Err(ResponseError::KafkaStorageError);
        }
        if epoch >= 0 && epoch < self.leader_epoch {
            return Err(ResponseError::FencedLeaderEpoch);
        }
        if epoch > self.leader_epoch {
            return Err(ResponseError::UnknownLeaderEpoch);
        }
        Ok(())
    }

    /// Where the log of a reader that has read `last_epoch` up to `offset` leaves this one, if it
    /// does (KIP-320, KIP-595).
    pub(crate) fn divergence(
        &self,
        last_epoch: i32,
        offset: i64,
    ) -> Result<Option<(i32, i64)>, ResponseError> {
        if last_epoch < 0 {
            return Ok(None);
        }
        let (epoch, end) = self.epoch_end(last_epoch).ok_or(ResponseError::OffsetOutOfRange)?;
        let diverges = epoch < last_epoch || end < offset;
        match diverges || offset <= self.log.end() {
            true => Ok(diverges.then_some((epoch, end))),
            false => Err(ResponseError::OffsetOutOfRange),
        }
    }

    /// Whether the leader knows enough replicas in sync to take `acks=all`.
    pub(crate) fn enough_in_sync(&self, min_insync_replicas: usize) -> bool {
        self.leading.as_ref().is_some_and(|leading| leading.isr().len() >= min_insync_replicas)
    }

    /// The same for what it has taken already: those about to join count too.
    pub(crate) fn stays_in_sync(&self, min_insync_replicas: usize) -> bool {
        self.leading.as_ref().is_some_and(|leading| leading.maximal_isr() >= min_insync_replicas)
    }

    /// Whether this leader does not know yet how far its predecessor's high watermark was
    /// (KIP-207).
    pub(crate) fn awaits_high_watermark(&self) -> bool {
        let leading = self.leading.as_ref();
        leading.is_some_and(|leading| leading.epoch_start() > self.high_watermark)
    }

    /// The offset after the last record that a power loss at `now` spares.
    pub(crate) fn durable_end(&self, now: Duration, flush_interval: Duration) -> i64 {
        let old =
            now.checked_sub(flush_interval).map_or(self.log.start(), |time| self.log.end_at(time));
        self.flushed.max(old)
    }

    /// Flushes when so many records are not flushed.
    pub(super) fn flush_beyond(&mut self, messages: u64) {
        if (self.log.end() - self.flushed).unsigned_abs() >= messages {
            self.flushed = self.log.end();
        }
    }

    /// Flushes what there is, as an orderly end does.
    pub(super) fn flush(&mut self) {
        self.flushed = self.log.end();
    }

    /// What was appended lately and not flushed is gone.
    pub(super) fn lose_unflushed(&mut self, now: Duration, flush_interval: Duration) {
        self.log.truncate(self.durable_end(now, flush_interval));
        self.truncated();
    }

    /// The log has become shorter.
    pub(super) fn truncated(&mut self) {
        self.flushed = self.flushed.min(self.log.end());
        self.high_watermark = self.high_watermark.clamp(self.log.start(), self.log.end());
    }

    /// The log directory fails.
    pub(super) fn go_offline(&mut self) {
        self.stop();
        self.offline = true;
    }

    /// Takes notice of the controller's record. Returns whether that begins another epoch here,
    /// so that whoever waits must be told.
    pub(super) fn learn(
        &mut self,
        registration: &Registration,
        now: Duration,
        defect: Option<Defect>,
    ) -> bool {
        let unfenced = defect == Some(Defect::ZombieLeaderNotFenced) && self.leads();
        let new_epoch = registration.leader_epoch > self.leader_epoch;
        let others = registration.replicas.iter().copied().filter(|&id| id != self.broker);
        if new_epoch {
            self.incoming = None;
            self.leader_epoch = registration.leader_epoch;
            self.leader = registration.leader;
            self.reconciled = unfenced;
            self.leading = (self.leader == Some(self.broker)).then(|| {
                self.log.begin_epoch(self.leader_epoch);
                Leading::new(self.log.end(), &registration.isr, others, now)
            });
            if defect == Some(Defect::TruncateToHighWatermark) && !self.leads() {
                self.log.truncate(self.high_watermark);
                self.truncated();
                self.reconciled = true;
            }
            return true;
        }
        if let Some(leading) = &mut self.leading {
            leading.set_isr(&registration.isr);
            leading.admit(others, now);
        }
        false
    }

    /// The broker's process ends: what it had in memory is gone, its log stays.
    pub(super) fn stop(&mut self) {
        (self.leader, self.leader_epoch, self.leading) = (None, -1, None);
        (self.incoming, self.reconciled, self.offline) = (None, false, false);
    }

    /// Appends the batches of one request up to the first that is refused. A producer that sends
    /// them again finds those that were appended.
    pub(crate) fn append(
        &mut self,
        batches: Vec<Batch>,
        now: Duration,
    ) -> Result<Placed, ResponseError> {
        let mut placed: Option<Placed> = None;
        for batch in batches {
            let next = match self.log.check(&batch) {
                Ok(Sequence::Next) => {
                    let stamped_ms = if batch.is_stamped() { batch.max_timestamp_ms } else { -1 };
                    let base_offset = self.log.append(batch, self.leader_epoch, now);
                    Placed { base_offset, end: self.log.end(), stamped_ms }
                }
                Ok(Sequence::Duplicate { first, last, timestamp_ms }) => {
                    Placed { base_offset: first, end: last + 1, stamped_ms: timestamp_ms }
                }
                Err(error) => return Err(error),
            };
            placed = Some(match placed {
                Some(first) => Placed { end: first.end.max(next.end), ..first },
                None => next,
            });
        }
        placed.ok_or(ResponseError::InvalidRecord)
    }
}
