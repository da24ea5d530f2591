//! Brokers that crash and come back.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Answer, Cluster, Timer};
use crate::error::ClusterError;

/// What the controller believes of a broker, and what is so.
#[derive(Debug)]
pub(crate) struct Broker {
    /// Whether it runs.
    alive: bool,
    /// Whether the controller takes it for running.
    active: bool,
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
}

impl Default for Broker {
    fn default() -> Self {
        Self { alive: true, active: true, addresses: Vec::new() }
    }
}

impl Broker {
    /// Whether it runs and the controller knows.
    pub(super) fn is_running(&self) -> bool {
        self.alive && self.active
    }

    /// Whether the controller takes it for running.
    pub(crate) fn is_active(&self) -> bool {
        self.active
    }

    pub(crate) fn link(&self) -> Link {
        if self.alive { Link::Immediate } else { Link::Cut }
    }
}

impl Cluster {
    /// Whether a broker runs.
    pub(crate) fn alive(&self, broker: i32) -> bool {
        self.brokers.get(&broker).is_some_and(|broker| broker.alive)
    }

    /// Whether the controller takes a broker for running.
    pub(super) fn active(&self, broker: i32) -> bool {
        self.brokers.get(&broker).is_some_and(|broker| broker.active)
    }

    pub(super) fn set_active(&mut self, broker: i32, active: bool) {
        if let Some(broker) = self.brokers.get_mut(&broker) {
            broker.active = active;
        }
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
        self.now = now;
        let broker = self.brokers.get_mut(&id).ok_or(ClusterError::UnknownBroker(id))?;
        if !broker.alive {
            return Err(ClusterError::BrokerState { id, state: "down" });
        }
        broker.alive = false;
        self.timers.insert((now + self.config.detection, Timer::Detect(id)));
        self.abandon_parked(id);
        let mut led = 0;
        let partitions = self.topics.iter_mut().flat_map(|(_, topic)| &mut topic.partitions);
        for partition in partitions {
            led += usize::from(partition.leader() == Some(id));
            partition.stop(id);
        }
        Ok(led)
    }

    /// Gives up all that is parked at a broker.
    fn abandon_parked(&mut self, id: i32) {
        let fetches = self.fetches.iter().filter(|(_, parked)| parked.broker == id);
        let produces = self.produces.iter().filter(|(_, parked)| parked.broker == id);
        let groups = self.group_tickets.iter().filter(|&(_, &broker)| broker == id);
        let parked = fetches.map(|(&ticket, _)| ticket);
        let parked = parked.chain(produces.map(|(&ticket, _)| ticket));
        let parked: Vec<_> = parked.chain(groups.map(|(&ticket, _)| ticket)).collect();
        self.abandon(parked.into_iter());
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
        let broker = self.brokers.get_mut(&id).ok_or(ClusterError::UnknownBroker(id))?;
        if broker.alive {
            return Err(ClusterError::BrokerState { id, state: "up" });
        }
        self.timers.retain(|(_, timer)| *timer != Timer::Detect(id));
        broker.alive = true;
        self.register(now, id, answers);
        for slot in &mut self.coordinator_slots {
            slot.get_or_insert(id);
        }
        self.spread_all();
        self.settle(answers);
        Ok(())
    }

    /// Every broker that hears learns all that is recorded.
    fn spread_all(&mut self) {
        let sizes = self.topics.iter().map(|(index, topic)| (index, topic.partitions.len()));
        let sizes: Vec<_> = sizes.collect();
        for (index, count) in sizes {
            for partition in 0..count as i32 {
                self.spread((index, partition));
            }
        }
    }

    pub(super) fn next_running(&self, after: i32) -> Option<i32> {
        let later = self.brokers.range(after + 1..);
        let all = later.chain(self.brokers.range(..=after));
        all.filter(|(_, broker)| broker.alive).map(|(&id, _)| id).next()
    }
}

#[cfg(test)]
impl Broker {
    pub(super) fn crash(&mut self) {
        self.alive = false;
    }

    pub(super) fn fence(&mut self) {
        self.active = false;
    }
}
