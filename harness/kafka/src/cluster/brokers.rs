//! The brokers: what each is in, what the controller believes of it, and how it ends and begins.

use std::net::SocketAddr;
use std::time::Duration;

use super::internal::is_internal;
use super::knowledge::Snapshot;
use super::partition::End;
use super::{Answer, Cluster, Timer};
use crate::error::ClusterError;
use crate::fault::{Disk, Isolation, ReplicationLag};

/// A broker's state.
#[derive(Debug, Default)]
pub(crate) struct Broker {
    /// Its process runs.
    pub(crate) alive: bool,
    /// The controller takes it for running.
    pub(crate) active: bool,
    /// Its process runs, but no controller has registered it yet.
    pub(super) starting: bool,
    /// It is about to stop in order, and may lead no more.
    pub(super) retiring: bool,
    /// Its last process stopped in order.
    pub(super) clean: bool,
    /// Its log directory has failed.
    pub(super) offline: bool,
    /// The controller has heard that its log directory failed.
    pub(super) failed: bool,
    pub(super) isolation: Option<Isolation>,
    pub(super) disk: Disk,
    pub(super) lag: ReplicationLag,
    /// Until then its link is busy with copies under way.
    pub(super) busy_until: Duration,
    /// What it knew when it was cut off from the controller.
    pub(super) stale: Option<Snapshot>,
    /// What each listener's clients are told, by the listener's number.
    pub(super) addresses: Vec<SocketAddr>,
}

/// How a broker takes part in replication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// Not at all.
    Cut,
    /// What its leaders have, it has.
    Immediate,
    /// Its copies take time.
    Delayed,
}

impl Broker {
    /// A running broker.
    pub(crate) fn new(lag: ReplicationLag) -> Self {
        Self { alive: true, active: true, lag, ..Self::default() }
    }

    /// Whether the controller would elect it or take it into an in-sync set.
    pub(crate) fn may_lead(&self) -> bool {
        self.active && !self.retiring && !self.failed
    }

    /// Whether other brokers and the controller reach it.
    pub(super) fn is_connected(&self) -> bool {
        self.alive && self.isolation != Some(Isolation::FromPeers)
    }

    pub(crate) fn link(&self) -> Link {
        if !self.is_connected() || self.starting || self.offline {
            Link::Cut
        } else if self.lag.is_zero() && self.disk == Disk::Normal {
            Link::Immediate
        } else {
            Link::Delayed
        }
    }

    /// How much longer its appends take.
    pub(super) fn append_delay(&self) -> Duration {
        match self.disk {
            Disk::Slow { delay } => delay,
            Disk::Normal | Disk::Full => Duration::ZERO,
        }
    }
}

impl Cluster {
    /// Whether a broker runs.
    pub(crate) fn alive(&self, broker: i32) -> bool {
        self.brokers.get(&broker).is_some_and(|broker| broker.alive)
    }

    /// Whether clients reach a broker.
    pub(crate) fn listens(&self, broker: i32) -> bool {
        let broker = self.brokers.get(&broker);
        broker.is_some_and(|it| it.alive && it.isolation != Some(Isolation::FromClients))
    }

    pub(super) fn broker_mut(&mut self, id: i32) -> Result<&mut Broker, ClusterError> {
        self.brokers.get_mut(&id).ok_or(ClusterError::UnknownBroker(id))
    }

    /// Brokers that the cluster takes for running, by id.
    pub(super) fn known_brokers(&self) -> impl Iterator<Item = (i32, &Broker)> {
        self.brokers.iter().filter(|(_, broker)| broker.active).map(|(&id, broker)| (id, broker))
    }

    /// Host and port of a broker for the clients of a listener.
    pub(super) fn endpoint(&self, broker: i32, listener: usize) -> Option<(String, i32)> {
        let address = self.brokers.get(&broker)?.addresses.get(listener)?;
        Some((address.ip().to_string(), i32::from(address.port())))
    }

    /// A broker dies: what was parked on it is gone. Others notice after the detection time.
    /// Returns the number of partitions it led.
    pub(crate) fn crash(&mut self, now: Duration, id: i32) -> Result<usize, ClusterError> {
        self.end(now, id, End::Crash)
    }

    /// The same, and what was not flushed is gone from its logs.
    pub(crate) fn lose_power(&mut self, now: Duration, id: i32) -> Result<usize, ClusterError> {
        let flush_interval = self.config.flush_interval;
        self.end(now, id, End::PowerLoss { flush_interval })
    }

    /// A broker stops in order: others lead before it is gone, and its logs are flushed. Without
    /// a controller that is a crash, but for the logs.
    pub(crate) fn shut_down(
        &mut self,
        now: Duration,
        id: i32,
        answers: &mut Vec<Answer>,
    ) -> Result<usize, ClusterError> {
        self.now = now;
        let registered = self.controller_hears(id);
        let broker = self.broker_mut(id)?;
        if !broker.alive {
            return Err(ClusterError::BrokerState { id, state: "down" });
        }
        broker.retiring = registered;
        if registered {
            self.retire(now, id, answers);
            self.settle(answers);
        }
        let led = self.end(now, id, End::Orderly)?;
        // Its logs were closed in order, whether a controller heard of it or not.
        self.broker_mut(id)?.clean = true;
        if registered {
            self.timers.remove(&(now + self.config.detection, Timer::Detect(id)));
            self.broker_mut(id)?.active = false;
        }
        Ok(led)
    }

    fn end(&mut self, now: Duration, id: i32, end: End) -> Result<usize, ClusterError> {
        self.now = now;
        let broker = self.broker_mut(id)?;
        if !broker.alive {
            return Err(ClusterError::BrokerState { id, state: "down" });
        }
        (broker.alive, broker.starting, broker.clean) = (false, false, false);
        (broker.retiring, broker.stale) = (false, None);
        if broker.active {
            self.timers.insert((now + self.config.detection, Timer::Detect(id)));
        }
        self.abandon_parked(id);
        self.fetch_sessions.remove(&id);
        let mut led = 0;
        for (_, topic) in self.topics.iter_mut() {
            let counts = !is_internal(&topic.name);
            for partition in &mut topic.partitions {
                led += usize::from(counts && partition.leader() == Some(id));
                partition.stop(id, end, now);
            }
        }
        self.watch_lag();
        if self.controller == Some(id) {
            let orderly = end == End::Orderly;
            let gap = if orderly { Duration::ZERO } else { self.config.controller_failover };
            self.lose_controller(now, gap);
        }
        Ok(led)
    }

    /// Gives up all that is parked at a broker.
    pub(super) fn abandon_parked(&mut self, id: i32) {
        let fetches = self.fetches.iter().filter(|(_, parked)| parked.broker == id);
        let produces = self.produces.iter().filter(|(_, parked)| parked.broker == id);
        let groups = self.group_tickets.iter().filter(|&(_, &broker)| broker == id);
        let held = self.held.iter().filter(|(_, held)| held.broker == id);
        let waiting = self.waiting.iter().filter(|waiting| waiting.origin.broker == id);
        let parked = fetches.map(|(&ticket, _)| ticket);
        let parked = parked.chain(produces.map(|(&ticket, _)| ticket));
        let parked = parked.chain(held.map(|(&ticket, _)| ticket));
        let parked = parked.chain(waiting.map(|waiting| waiting.origin.ticket));
        let parked = parked.chain(groups.map(|(&ticket, _)| ticket));
        let parked: Vec<_> = parked.chain(self.transactions.parked(id)).collect();
        self.abandon(parked.into_iter());
        self.failing.forget_broker(id);
    }

    /// A broker runs again. It is fenced first if its crash was not noticed yet, as a new
    /// incarnation is in Kafka, then catches up and joins the in-sync sets. Leaderships that it
    /// lost stay where they are.
    pub(crate) fn restart(
        &mut self,
        now: Duration,
        id: i32,
        answers: &mut Vec<Answer>,
    ) -> Result<(), ClusterError> {
        self.now = now;
        let broker = self.broker_mut(id)?;
        if broker.alive {
            return Err(ClusterError::BrokerState { id, state: "up" });
        }
        (broker.alive, broker.starting, broker.offline) = (true, true, false);
        if self.controller.is_none() && !self.controller_pending() {
            self.take_over(now, answers);
        }
        if self.controller_hears(id) && self.brokers.get(&id).is_some_and(|it| it.starting) {
            self.register(now, id, answers);
        }
        self.settle(answers);
        Ok(())
    }

    pub(super) fn next_running(&self, after: i32) -> Option<i32> {
        let later = self.brokers.range(after + 1..);
        let mut all = later.chain(self.brokers.range(..=after));
        all.find(|(_, broker)| broker.is_connected() && !broker.starting).map(|(&id, _)| id)
    }
}
