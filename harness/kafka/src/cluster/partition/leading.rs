//! What a leader keeps in mind while it leads: how far its followers are, who is in sync, and
//! from where on its epoch is its own.

use std::time::Duration;

/// A leader's memory. It is lost with the leadership.
#[derive(Debug)]
pub(crate) struct Leading {
    /// The log's end when this broker began to lead.
    epoch_start: i64,
    isr: Vec<i32>,
    followers: Vec<Progress>,
}

/// How far a follower is, as the leader knows from its fetches.
#[derive(Debug)]
struct Progress {
    broker: i32,
    /// The end of its log at its last fetch; `None` before its first.
    log_end: Option<i64>,
    /// When it last had all that there was.
    caught_up_at: Option<Duration>,
}

impl Leading {
    /// Begins an epoch at `epoch_start`. Nothing is known of the followers yet; those in sync get
    /// the benefit of the doubt.
    pub(crate) fn new(
        epoch_start: i64,
        isr: &[i32],
        followers: impl Iterator<Item = i32>,
        now: Duration,
    ) -> Self {
        let followers = followers.map(|broker| Progress {
            broker,
            log_end: None,
            caught_up_at: isr.contains(&broker).then_some(now),
        });
        Self { epoch_start, isr: isr.to_vec(), followers: followers.collect() }
    }

    pub(crate) fn isr(&self) -> &[i32] {
        &self.isr
    }

    /// The controller has recorded another in-sync set.
    pub(crate) fn set_isr(&mut self, isr: &[i32]) {
        isr.clone_into(&mut self.isr);
    }

    /// A follower has fetched up to `log_end`, which tells the leader that it has so much.
    pub(crate) fn fetched(&mut self, broker: i32, log_end: i64, leader_end: i64, now: Duration) {
        if let Some(progress) = self.followers.iter_mut().find(|known| known.broker == broker) {
            progress.log_end = Some(log_end);
            if log_end >= leader_end {
                progress.caught_up_at = Some(now);
            }
        }
    }

    /// What every replica in sync has, and those that are about to join the in-sync set: without
    /// waiting for them it would run away from them. `None` while too few are in sync.
    pub(crate) fn committed_end(
        &self,
        log_end: i64,
        min_insync_replicas: usize,
        may_join: impl Fn(i32, Option<Duration>) -> bool,
    ) -> Option<i64> {
        if self.isr.len() < min_insync_replicas.min(self.followers.len() + 1) {
            return None;
        }
        let waited_for = self.followers.iter().filter(|progress| {
            self.isr.contains(&progress.broker) || may_join(progress.broker, progress.caught_up_at)
        });
        let ends = waited_for.map(|progress| progress.log_end.unwrap_or(0));
        Some(ends.fold(log_end, i64::min))
    }

    /// The in-sync set with the first follower that has caught up with the high watermark and
    /// with this epoch's start.
    pub(crate) fn expanded_isr(
        &self,
        high_watermark: i64,
        may_join: impl Fn(i32) -> bool,
    ) -> Option<Vec<i32>> {
        if self.isr.len() > self.followers.len() {
            return None;
        }
        let enough = high_watermark.max(self.epoch_start);
        let joins = self.followers.iter().find(|progress| {
            !self.isr.contains(&progress.broker)
                && progress.log_end.is_some_and(|end| end >= enough)
                && may_join(progress.broker)
        })?;
        let mut isr = self.isr.clone();
        isr.push(joins.broker);
        Some(isr)
    }
}
