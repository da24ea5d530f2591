//! One partition: its log, its replicas, who leads, and who waits for it.

use std::time::Duration;

use kafka_protocol::ResponseError;

use crate::coordinator::Ticket;
use crate::log::producers::Sequence;
use crate::log::{Batch, Log};
use crate::view::PartitionView;

/// A broker's copy. Copies are prefixes of one log, so that its end says all about it.
#[derive(Debug, Clone, Copy)]
struct Replica {
    broker: i32,
    log_end: i64,
}

/// The state of one partition.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) log: Log,
    replicas: Vec<Replica>,
    isr: Vec<i32>,
    leader: Option<i32>,
    leader_epoch: i32,
    high_watermark: i64,
    /// The last stable offset when the high watermark moved last.
    stable: i64,
    /// Fetches parked on this partition.
    pub(crate) fetches: Vec<Ticket>,
    /// Produces parked until the high watermark reaches what they appended.
    pub(crate) produces: Vec<Ticket>,
}

/// Where a batch went: the offset of its first record and the offset after its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) base_offset: i64,
    pub(crate) end: i64,
}

impl Partition {
    /// An empty partition kept by `replicas`, led by the first of them that is `alive`.
    pub(crate) fn new(replicas: &[i32], alive: impl Fn(i32) -> bool) -> Self {
        let isr: Vec<i32> = replicas.iter().copied().filter(|&broker| alive(broker)).collect();
        let mut log = Log::default();
        log.begin_epoch(0);
        Self {
            log,
            replicas: replicas.iter().map(|&broker| Replica { broker, log_end: 0 }).collect(),
            leader: isr.first().copied(),
            isr,
            leader_epoch: 0,
            high_watermark: 0,
            stable: 0,
            fetches: Vec::new(),
            produces: Vec::new(),
        }
    }

    pub(crate) fn leader(&self) -> Option<i32> {
        self.leader
    }

    pub(crate) fn leader_epoch(&self) -> i32 {
        self.leader_epoch
    }

    pub(crate) fn isr(&self) -> &[i32] {
        &self.isr
    }

    pub(crate) fn replicas(&self) -> impl Iterator<Item = i32> {
        self.replicas.iter().map(|replica| replica.broker)
    }

    /// The offset after the last record that consumers see.
    pub(crate) fn high_watermark(&self) -> i64 {
        self.high_watermark
    }

    /// The offset after the last record that readers of committed records see.
    pub(crate) fn last_stable(&self) -> i64 {
        self.log.last_stable(self.high_watermark)
    }

    /// The high watermark has moved: from where to where the last stable offset did.
    pub(crate) fn stabilise(&mut self) -> (i64, i64) {
        let stable = self.last_stable();
        (std::mem::replace(&mut self.stable, stable), stable)
    }

    pub(crate) fn view(&self, partition: i32) -> PartitionView {
        PartitionView {
            partition,
            leader: self.leader,
            leader_epoch: self.leader_epoch,
            replicas: self.replicas().collect(),
            isr: self.isr.clone(),
            log_start: self.log.start(),
            high_watermark: self.high_watermark,
            last_stable: self.last_stable(),
            bytes: self.log.bytes(),
        }
    }

    /// Whether `broker` may serve a client that believes in `epoch` (-1: it does not say).
    pub(crate) fn check_leader(&self, broker: i32, epoch: i32) -> Result<(), ResponseError> {
        if epoch >= 0 && epoch < self.leader_epoch {
            return Err(ResponseError::FencedLeaderEpoch);
        }
        if epoch > self.leader_epoch {
            return Err(ResponseError::UnknownLeaderEpoch);
        }
        match self.leader {
            Some(leader) if leader == broker => Ok(()),
            _ => Err(ResponseError::NotLeaderOrFollower),
        }
    }

    /// Whether enough replicas are in sync for `acks=all`.
    pub(crate) fn enough_in_sync(&self, min_insync_replicas: usize) -> bool {
        self.isr.len() >= min_insync_replicas.min(self.replicas.len())
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

    /// Copies the log to the replicas in sync that are alive, without delay, and moves the high
    /// watermark. Returns the offsets that became visible.
    pub(crate) fn replicate(&mut self, alive: impl Fn(i32) -> bool) -> Option<(i64, i64)> {
        let end = self.log.end();
        for replica in &mut self.replicas {
            if alive(replica.broker) && self.isr.contains(&replica.broker) {
                replica.log_end = end;
            }
        }
        let in_sync = self.replicas.iter().filter(|replica| self.isr.contains(&replica.broker));
        let replicated = in_sync.map(|replica| replica.log_end).min().unwrap_or(end);
        let before = self.high_watermark;
        self.high_watermark = before.max(replicated);
        (self.high_watermark > before).then_some((before, self.high_watermark))
    }

    /// The controller has noticed that `broker` is gone: it leaves the in-sync set, and another
    /// replica leads if it led. Returns whether leadership changed.
    pub(crate) fn fence(
        &mut self,
        broker: i32,
        alive: impl Fn(i32) -> bool,
        unclean: bool,
    ) -> bool {
        let led = self.leader == Some(broker);
        if self.isr.len() > 1 {
            self.isr.retain(|&replica| replica != broker);
        }
        led && {
            self.leader = None;
            self.elect(alive, unclean);
            true
        }
    }

    /// Brokers may be back: one that was in sync leads if nobody does, and the others catch up
    /// with the leader, at once, and are in sync.
    pub(crate) fn rejoin(&mut self, alive: impl Fn(i32) -> bool) {
        if self.leader.is_none() {
            self.elect(&alive, false);
        }
        if self.leader.is_some_and(&alive) {
            let back = self.replicas.iter().map(|replica| replica.broker);
            let back = back.filter(|&broker| alive(broker) && !self.isr.contains(&broker));
            let back: Vec<i32> = back.collect();
            self.isr.extend(back);
        }
    }

    /// Makes a replica lead that is alive and in sync: `to`, or the next after the leader.
    pub(crate) fn move_leader(
        &mut self,
        to: Option<i32>,
        alive: impl Fn(i32) -> bool,
    ) -> Result<i32, &'static str> {
        let may_lead = |&broker: &i32| alive(broker) && self.isr.contains(&broker);
        let to = match to {
            Some(to) if self.leader == Some(to) => return Err("the broker leads already"),
            Some(to) => Some(to).filter(may_lead),
            None => {
                let order: Vec<i32> = self.replicas().collect();
                let at = order.iter().position(|&broker| Some(broker) == self.leader).unwrap_or(0);
                let others = order.iter().cycle().skip(at + 1).take(order.len().saturating_sub(1));
                others.copied().find(may_lead)
            }
        };
        let to = to.ok_or("no such replica is alive and in sync")?;
        self.lead(to);
        Ok(to)
    }

    /// Where `epoch` ended, for clients that look for truncation.
    pub(crate) fn epoch_end(&self, epoch: i32) -> Option<(i32, i64)> {
        self.log.epoch_end(epoch)
    }

    /// Records before `offset` are deleted.
    pub(crate) fn delete_before(&mut self, offset: i64) {
        self.log.advance_start(offset);
    }

    /// Applies retention to what all in-sync replicas have.
    pub(crate) fn retain(&mut self, bytes_max: u64, appended_before: Duration) {
        self.log.retain(bytes_max, appended_before, self.high_watermark);
    }

    fn elect(&mut self, alive: impl Fn(i32) -> bool, unclean: bool) {
        let clean = self.replicas().find(|broker| self.isr.contains(broker) && alive(*broker));
        let any = || self.replicas.iter().filter(|replica| alive(replica.broker));
        let longest = || any().max_by_key(|replica| replica.log_end).map(|replica| replica.broker);
        let elected = clean.or_else(|| longest().filter(|_| unclean));
        if let Some(broker) = elected {
            if clean.is_none() {
                self.isr = vec![broker];
            }
            self.lead(broker);
        }
    }

    fn lead(&mut self, broker: i32) {
        let own = self.replicas.iter().find(|replica| replica.broker == broker);
        let end = own.map_or(0, |replica| replica.log_end);
        if end < self.log.end() {
            self.log.truncate(end);
            self.high_watermark = self.high_watermark.min(end);
            for replica in &mut self.replicas {
                replica.log_end = replica.log_end.min(end);
            }
        }
        self.leader = Some(broker);
        self.leader_epoch += 1;
        self.log.begin_epoch(self.leader_epoch);
    }
}

#[cfg(test)]
mod tests;
