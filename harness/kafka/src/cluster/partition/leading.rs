//! What a leader keeps in mind while it leads: how far its followers are, who is in sync, and
//! from where on its epoch is its own.

use std::time::Duration;

/// A leader's memory. It is lost with the leadership.
#[derive(Debug)]
pub(crate) struct Leading {
    /// The log's end when this broker began to lead.
    epoch_start: i64,
    isr: Vec<i32>,
    /// An in-sync set that the controller was asked for and has not yet recorded.
    proposed: Option<Vec<i32>>,
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
    fetched_at: Duration,
    /// The end of the leader's log at its last fetch.
    leader_end: i64,
    /// Has left the in-sync set and not fetched since.
    has_left: bool,
}

impl Progress {
    fn caught_up(&self, log_end: i64, now: Duration, lag_time_max: Duration) -> bool {
        self.log_end == Some(log_end) || self.recent(now, lag_time_max)
    }

    fn recent(&self, now: Duration, lag_time_max: Duration) -> bool {
        self.caught_up_at.is_some_and(|at| at + lag_time_max >= now)
    }
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
            fetched_at: now,
            leader_end: epoch_start,
            has_left: false,
        });
        let (isr, followers) = (isr.to_vec(), followers.collect());
        Self { epoch_start, isr, proposed: None, followers }
    }

    pub(crate) fn epoch_start(&self) -> i64 {
        self.epoch_start
    }

    pub(crate) fn isr(&self) -> &[i32] {
        &self.isr
    }

    /// Replicas in sync, counting those that the controller was asked to add (KIP-497).
    pub(crate) fn maximal_isr(&self) -> usize {
        self.proposed.as_ref().map_or(0, Vec::len).max(self.isr.len())
    }

    /// The controller has recorded another in-sync set. Who has left it comes back by a fetch of
    /// its own, not because the high watermark stands still for want of it.
    pub(crate) fn set_isr(&mut self, isr: &[i32]) {
        let has_left = |broker: &i32| self.isr.contains(broker) && !isr.contains(broker);
        for progress in self.followers.iter_mut().filter(|it| has_left(&it.broker)) {
            progress.has_left = true;
        }
        isr.clone_into(&mut self.isr);
        self.proposed = None;
    }

    /// Replicas that were added follow from now on.
    pub(crate) fn admit(&mut self, replicas: impl Iterator<Item = i32>, now: Duration) {
        for broker in replicas {
            if self.followers.iter().all(|known| known.broker != broker) {
                // Before its first fetch it has caught up with nothing.
                let (log_end, caught_up_at, leader_end) = (None, None, i64::MAX);
                let new = Progress {
                    broker,
                    log_end,
                    caught_up_at,
                    fetched_at: now,
                    leader_end,
                    has_left: false,
                };
                self.followers.push(new);
            }
        }
    }

    /// The controller is asked for another in-sync set.
    pub(crate) fn propose(&mut self, isr: Vec<i32>) {
        self.proposed = Some(isr);
    }

    /// The controller has refused.
    pub(crate) fn withdraw(&mut self) {
        self.proposed = None;
    }

    pub(crate) fn proposed(&self) -> Option<&[i32]> {
        self.proposed.as_deref()
    }

    /// A follower fetches from `log_end` on, which tells the leader that it has so much.
    pub(crate) fn fetched(&mut self, broker: i32, log_end: i64, leader_end: i64, now: Duration) {
        let Some(progress) = self.followers.iter_mut().find(|known| known.broker == broker) else {
            return;
        };
        if log_end >= leader_end {
            progress.caught_up_at = Some(now);
        } else if log_end >= progress.leader_end {
            progress.caught_up_at = progress.caught_up_at.max(Some(progress.fetched_at));
        }
        progress.log_end = Some(log_end);
        progress.has_left = false;
        (progress.fetched_at, progress.leader_end) = (now, leader_end);
    }

    /// A follower that had everything has gone on fetching, in vain, until now.
    pub(crate) fn idled(&mut self, broker: i32, now: Duration) {
        let progress = self.followers.iter_mut().find(|known| known.broker == broker);
        if let Some(progress) = progress
            && progress.log_end == Some(progress.leader_end)
        {
            (progress.caught_up_at, progress.fetched_at) = (Some(now), now);
        }
    }

    /// A new process of a follower's broker has registered: what the leader knew of the one before
    /// says nothing about it, nor may it be taken in on that ground (KIP-903).
    pub(crate) fn forget(&mut self, broker: i32) {
        if let Some(progress) = self.followers.iter_mut().find(|known| known.broker == broker) {
            (progress.log_end, progress.caught_up_at) = (None, None);
        }
        self.proposed.take_if(|isr| isr.contains(&broker));
    }

    /// What every replica in sync has, and those that are about to join the in-sync set: without
    /// waiting for them it would run away from them. `None` while too few are in sync.
    pub(crate) fn committed_end(
        &self,
        log_end: i64,
        min_insync_replicas: usize,
        (now, lag_time_max): (Duration, Duration),
        may_join: impl Fn(i32) -> bool,
    ) -> Option<i64> {
        if self.isr.len() < min_insync_replicas.min(self.followers.len() + 1) {
            return None;
        }
        let waited_for = self.followers.iter().filter(|progress| {
            self.in_maximal_isr(progress.broker)
                || progress.recent(now, lag_time_max) && may_join(progress.broker)
        });
        let ends = waited_for.map(|progress| progress.log_end.unwrap_or(0));
        Some(ends.fold(log_end, i64::min))
    }

    /// The in-sync set with the first follower that has caught up with the high watermark and
    /// with this epoch's start.
    pub(crate) fn expanded_isr(
        &self,
        log_end: i64,
        high_watermark: i64,
        may_join: impl Fn(i32) -> bool,
    ) -> Option<Vec<i32>> {
        if self.isr.len() > self.followers.len() || self.proposed.is_some() {
            return None;
        }
        let enough = high_watermark.max(self.epoch_start);
        let joins = self.followers.iter().find(|progress| {
            !self.isr.contains(&progress.broker)
                && progress.log_end.is_some_and(|end| end >= enough)
                // Who has everything goes on fetching, in vain.
                && (!progress.has_left || progress.log_end == Some(log_end))
                && may_join(progress.broker)
        })?;
        let mut isr = self.isr.clone();
        isr.push(joins.broker);
        Some(isr)
    }

    /// The in-sync set without those who have lagged for too long.
    pub(crate) fn shrunk_isr(
        &self,
        log_end: i64,
        now: Duration,
        lag_time_max: Duration,
    ) -> Option<Vec<i32>> {
        let lags = |broker: &i32| {
            let progress = self.followers.iter().find(|progress| progress.broker == *broker);
            progress.is_some_and(|progress| !progress.caught_up(log_end, now, lag_time_max))
        };
        if self.proposed.is_some() || !self.isr.iter().any(lags) {
            return None;
        }
        Some(self.isr.iter().copied().filter(|broker| !lags(broker)).collect())
    }

    fn in_maximal_isr(&self, broker: i32) -> bool {
        let proposed = self.proposed.as_ref().is_some_and(|isr| isr.contains(&broker));
        proposed || self.isr.contains(&broker)
    }
}
