//! Failures that are brought about from outside, beside crashes: isolation, disks, lag, the loss
//! of the controller. And answers that wait for a slow disk.

use std::time::Duration;

use super::{Answer, Cluster, Held, Timer};
use crate::coordinator::Ticket;
use crate::error::ClusterError;
use crate::fault::{Disk, Isolation, ReplicationLag};
use crate::wire::Response;

impl Cluster {
    /// Cuts a broker off, from its peers or from its clients.
    pub(crate) fn isolate(
        &mut self,
        now: Duration,
        id: i32,
        isolation: Isolation,
    ) -> Result<(), ClusterError> {
        self.now = now;
        let snapshot = self.snapshot();
        let detected = now + self.config.detection;
        let broker = self.broker_mut(id)?;
        if broker.isolation.is_some() {
            return Err(ClusterError::BrokerState { id, state: "isolated" });
        }
        broker.isolation = Some(isolation);
        if isolation == Isolation::FromClients {
            self.abandon_parked(id);
            return Ok(());
        }
        if broker.alive {
            broker.stale = Some(snapshot);
        }
        if broker.alive && broker.active {
            self.timers.insert((detected, Timer::Detect(id)));
        }
        let partitions = self.topics.iter_mut().flat_map(|(_, topic)| &mut topic.partitions);
        for partition in partitions {
            partition.cut(id, now);
            // Those who follow the isolated broker get no answer to their fetches either.
            let followers: Vec<i32> = partition.registration.replicas.clone();
            if partition.leader() == Some(id) {
                followers.into_iter().for_each(|follower| partition.cut(follower, now));
            }
        }
        self.watch_lag();
        if self.controller == Some(id) {
            self.lose_controller(now, self.config.controller_failover);
        }
        Ok(())
    }

    /// Ends a broker's isolation. It learns what it missed, and leads no more what others lead.
    pub(crate) fn heal(
        &mut self,
        now: Duration,
        id: i32,
        answers: &mut Vec<Answer>,
    ) -> Result<(), ClusterError> {
        self.now = now;
        let broker = self.broker_mut(id)?;
        let Some(isolation) = broker.isolation.take() else {
            return Err(ClusterError::BrokerState { id, state: "connected" });
        };
        broker.stale = None;
        let alive = broker.alive;
        if isolation == Isolation::FromClients || !alive {
            return Ok(());
        }
        if self.controller.is_none() && !self.controller_pending() {
            self.take_over(now, answers);
        }
        if self.controller_hears(id) {
            self.timers.retain(|(_, timer)| *timer != Timer::Detect(id));
            if self.brokers.get(&id).is_some_and(|broker| broker.offline) {
                self.directory_failed(id);
            }
            match self.brokers.get(&id).is_some_and(|broker| broker.starting) {
                true => self.register(now, id, answers),
                false => self.readmit(id, answers),
            }
            for key in self.topics.keys() {
                self.grant(key);
            }
        }
        self.settle(answers);
        Ok(())
    }

    /// The broker that holds the active controller.
    pub(crate) fn controller(&self) -> Option<i32> {
        self.controller
    }

    /// The active controller fails, and only it: its broker goes on. Another is active after
    /// `gap`. Returns the broker that held it.
    pub(crate) fn crash_controller(&mut self, now: Duration, gap: Duration) -> Option<i32> {
        self.now = now;
        let lost = self.controller?;
        self.lose_controller(now, gap);
        Some(lost)
    }

    /// Sets how a broker's disk does from now on.
    pub(crate) fn set_disk(
        &mut self,
        now: Duration,
        id: i32,
        disk: Disk,
        answers: &mut Vec<Answer>,
    ) -> Result<(), ClusterError> {
        self.broker_mut(id)?.disk = disk;
        self.relink(now, answers);
        Ok(())
    }

    /// Sets how far a broker's replicas trail their leaders from now on.
    pub(crate) fn set_lag(
        &mut self,
        now: Duration,
        id: i32,
        lag: ReplicationLag,
        answers: &mut Vec<Answer>,
    ) -> Result<(), ClusterError> {
        self.broker_mut(id)?.lag = lag;
        self.relink(now, answers);
        Ok(())
    }

    /// After links have changed: those who need not wait any more do not.
    fn relink(&mut self, now: Duration, answers: &mut Vec<Answer>) {
        self.now = now;
        self.watch_lag();
        for key in self.topics.keys() {
            let partition = self.topics.partition_mut(key.0, key.1);
            let leaders: Vec<i32> = partition.map_or(Vec::new(), |it| it.leaders().collect());
            leaders.into_iter().for_each(|leader| self.replicated(key, leader));
        }
        self.settle(answers);
    }

    /// Answers at `at`, when a slow disk is done.
    pub(super) fn hold(
        &mut self,
        at: Duration,
        origin: (Ticket, i32),
        response: Response,
        answers: &mut Vec<Answer>,
    ) {
        let (ticket, broker) = origin;
        if at <= self.now {
            answers.push(Answer { ticket, response });
            return;
        }
        self.held.insert(ticket, Held { broker, response });
        self.timers.insert((at, Timer::Held(ticket)));
    }

    pub(super) fn release(&mut self, ticket: Ticket, answers: &mut Vec<Answer>) {
        if let Some(Held { response, .. }) = self.held.remove(&ticket) {
            answers.push(Answer { ticket, response });
        }
    }
}
