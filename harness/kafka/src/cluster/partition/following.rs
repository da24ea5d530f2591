//! A follower's fetch: it cuts off what its leader never had (KIP-101, KIP-279), then copies.

use std::time::Duration;

use super::replica::Replica;
use crate::log::{Batch, Log};

/// Bytes of one fetch answer, as Kafka's `replica.fetch.max.bytes`; the first batch comes whole.
const FETCH_BYTES_MAX: usize = 1 << 20;

/// A fetch answer on its way to a follower.
#[derive(Debug, Clone, Copy)]
pub(super) struct Incoming {
    leader: i32,
    epoch: i32,
    /// It brings the records before this offset.
    end: i64,
    high_watermark: i64,
    pub(super) arrives: Duration,
}

impl Replica {
    /// Whether both brokers agree that `leader` leads this one, and in which epoch.
    pub(super) fn follows(&self, leader: &Replica) -> bool {
        self.leader == Some(leader.broker)
            && self.leader_epoch == leader.leader_epoch
            && leader.leads()
    }

    /// Fetches all that the leader has, and tells it so.
    pub(super) fn fetch_all(&mut self, leader: &mut Replica, now: Duration) {
        self.incoming = None;
        self.reconcile(leader);
        self.copy(leader, leader.log.end(), now);
        self.high_watermark = leader.high_watermark.clamp(self.log.start(), self.log.end());
        self.tell(leader, now);
    }

    /// Asks the leader for what is new. Gives the size of the answer that is now on its way, if
    /// there is anything to answer.
    pub(super) fn ask(&mut self, leader: &mut Replica, now: Duration) -> Option<usize> {
        if self.incoming.is_some() {
            return None;
        }
        let agrees = self.reconciled || !diverges(&self.log, &leader.log);
        if agrees && !self.reconciled {
            self.reconciled = true;
            self.tell(leader, now);
        }
        let (own, end) = (self.log.end(), leader.log.end());
        let visible = leader.high_watermark.min(own);
        let behind = own < end
            || self.high_watermark < visible
            || self.log.start() < leader.log.start().min(own);
        if agrees && !behind {
            return None;
        }
        if let Some(leading) = &mut leader.leading {
            leading.idled(self.broker, now);
        }
        let brought = leader.log.read(own, end, FETCH_BYTES_MAX, true).filter(|_| agrees);
        let (mut bytes, mut end) = (0, own);
        for batch in brought {
            (bytes, end) = (bytes + batch.len(), batch.last_offset() + 1);
        }
        self.incoming = Some(Incoming {
            leader: leader.broker,
            epoch: leader.leader_epoch,
            end: end.max(leader.log.start()),
            high_watermark: leader.high_watermark,
            arrives: Duration::MAX,
        });
        Some(bytes)
    }

    /// The leader whose answer has arrived by `now`.
    pub(super) fn arrived_from(&self, now: Duration) -> Option<i32> {
        let arrived = self.incoming.filter(|incoming| incoming.arrives <= now);
        arrived.map(|incoming| incoming.leader)
    }

    /// Takes the answer that has arrived, and asks again, which tells the leader how far it is.
    pub(super) fn receive(&mut self, leader: &mut Replica, now: Duration) {
        let Some(incoming) = self.incoming.take() else { return };
        if incoming.epoch != self.leader_epoch {
            return;
        }
        if self.reconciled {
            self.copy(leader, incoming.end, now);
            self.high_watermark = incoming.high_watermark.clamp(self.log.start(), self.log.end());
        } else {
            self.reconcile(leader);
        }
        self.tell(leader, now);
    }

    fn reconcile(&mut self, leader: &Replica) {
        if !self.reconciled {
            reconcile(&mut self.log, &leader.log);
            self.reconciled = true;
            self.truncated();
        }
    }

    fn copy(&mut self, leader: &Replica, until: i64, now: Duration) {
        if self.log.end() < leader.log.start() {
            self.log.restart_at(leader.log.start());
            self.truncated();
        } else if self.log.end() > leader.log.end() {
            self.log.truncate(leader.log.end());
            self.truncated();
        }
        let end = self.log.end();
        let news = leader.log.batches_from(end).skip_while(|batch| batch.base_offset < end);
        for batch in news.take_while(|batch: &&Batch| batch.last_offset() < until) {
            self.log.append_copy(batch.clone(), now);
        }
        self.log.advance_start(leader.log.start());
        self.high_watermark = self.high_watermark.clamp(self.log.start(), self.log.end());
    }

    fn tell(&self, leader: &mut Replica, now: Duration) {
        let leader_end = leader.log.end();
        if let Some(leading) = &mut leader.leading {
            leading.fetched(self.broker, self.log.end(), leader_end, now);
        }
    }
}

/// Whether a follower has what its leader does not.
fn diverges(follower: &Log, leader: &Log) -> bool {
    let Some(last) = follower.latest_epoch() else { return follower.end() > leader.end() };
    match leader.epoch_end(last) {
        Some((epoch, end)) => epoch < last || end < follower.end(),
        None => true,
    }
}

/// Cuts a follower's log where it leaves its leader's: at the end of the last epoch that both
/// know, which takes a question for each epoch that only one of them has.
fn reconcile(follower: &mut Log, leader: &Log) {
    while diverges(follower, leader) {
        let (last, end) = (follower.latest_epoch(), follower.end());
        let answer = last.and_then(|last| leader.epoch_end(last));
        let cut = match answer.map(|(epoch, end)| (epoch, end, follower.epoch_end(epoch))) {
            Some((epoch, leader_end, Some((known, own_end)))) if known == epoch => {
                own_end.min(leader_end)
            }
            Some((_, _, Some((_, own_end)))) => own_end,
            Some((_, leader_end, None)) => leader_end,
            None => leader.end(),
        };
        follower.truncate(cut.min(end));
        if (follower.latest_epoch(), follower.end()) == (last, end) {
            return;
        }
    }
}
