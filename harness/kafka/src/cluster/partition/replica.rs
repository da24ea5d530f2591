//! One broker's copy of a partition: its own log, its own high watermark, and who it believes
//! leads.

use std::time::Duration;

use kafka_protocol::ResponseError;

use super::Placed;
use super::leading::Leading;
use super::registration::Registration;
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
        if epoch >= 0 && epoch < self.leader_epoch {
            return Err(ResponseError::FencedLeaderEpoch);
        }
        if epoch > self.leader_epoch {
            return Err(ResponseError::UnknownLeaderEpoch);
        }
        if self.leads() { Ok(()) } else { Err(ResponseError::NotLeaderOrFollower) }
    }

    /// Whether the leader knows enough replicas in sync for `acks=all`.
    pub(crate) fn enough_in_sync(&self, min_insync_replicas: usize) -> bool {
        self.leading.as_ref().is_some_and(|leading| leading.isr().len() >= min_insync_replicas)
    }

    /// Takes notice of the controller's record. Returns whether that begins another epoch here,
    /// so that whoever waits must be told.
    pub(super) fn learn(&mut self, registration: &Registration, now: Duration) -> bool {
        let new_epoch = registration.leader_epoch > self.leader_epoch;
        if new_epoch {
            self.leader_epoch = registration.leader_epoch;
            self.leader = registration.leader;
            self.reconciled = false;
            self.leading = (self.leader == Some(self.broker)).then(|| {
                self.log.begin_epoch(self.leader_epoch);
                let followers = registration.replicas.iter().copied();
                let followers = followers.filter(|&broker| broker != self.broker);
                Leading::new(self.log.end(), &registration.isr, followers, now)
            });
        } else if let Some(leading) = &mut self.leading {
            leading.set_isr(&registration.isr);
        }
        new_epoch
    }

    /// The broker's process ends: what it had in memory is gone, its log stays.
    pub(super) fn stop(&mut self) {
        (self.leader, self.leader_epoch, self.leading) = (None, -1, None);
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
                    let base_offset = self.log.append(batch, self.leader_epoch, now);
                    Placed { base_offset, end: self.log.end() }
                }
                Ok(Sequence::Duplicate(base_offset, last)) => Placed { base_offset, end: last + 1 },
                Err(error) => return Err(error),
            };
            placed = Some(match placed {
                Some(first) => {
                    Placed { base_offset: first.base_offset, end: first.end.max(next.end) }
                }
                None => next,
            });
        }
        placed.ok_or(ResponseError::InvalidRecord)
    }
}
