//! A follower's fetch: it cuts off what its leader never had (KIP-101, KIP-279), then copies.

use std::time::Duration;

use super::replica::Replica;
use crate::log::Log;

impl Replica {
    /// Whether both brokers agree that `leader` leads this one, and in which epoch.
    pub(super) fn follows(&self, leader: &Replica) -> bool {
        self.leader == Some(leader.broker)
            && self.leader_epoch == leader.leader_epoch
            && leader.leads()
    }

    /// Fetches all that the leader has, and tells it so.
    pub(super) fn fetch_from(&mut self, leader: &mut Replica, now: Duration) {
        if !self.reconciled {
            reconcile(&mut self.log, &leader.log);
            self.reconciled = true;
        }
        if self.log.end() < leader.log.start() {
            self.log.restart_at(leader.log.start());
        }
        for batch in leader.log.batches_from(self.log.end()) {
            self.log.append_copy(batch.clone(), now);
        }
        self.log.advance_start(leader.log.start());
        self.high_watermark = self.high_watermark.clamp(self.log.start(), self.log.end());
        let leader_end = leader.log.end();
        if let Some(leading) = &mut leader.leading {
            leading.fetched(self.broker, self.log.end(), leader_end, now);
        }
    }
}

/// Cuts a follower's log where it leaves its leader's: at the end of the last epoch that both
/// know, which takes a question for each epoch that only one of them has.
fn reconcile(follower: &mut Log, leader: &Log) {
    while let Some(last) = follower.latest_epoch() {
        let end = follower.end();
        let cut = match leader.epoch_end(last) {
            Some((epoch, leader_end)) if epoch < last || leader_end < end => {
                match follower.epoch_end(epoch) {
                    Some((known, own_end)) if known == epoch => own_end.min(leader_end),
                    Some((_, own_end)) => own_end,
                    None => leader_end,
                }
            }
            Some(_) => return,
            None => leader.end(),
        };
        follower.truncate(cut.min(end));
        if follower.latest_epoch() == Some(last) && follower.end() == end {
            return;
        }
    }
    follower.truncate(leader.end());
}
