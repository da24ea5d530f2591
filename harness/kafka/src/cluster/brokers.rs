//! Brokers that crash, are found to be gone, and come back; leaders that move.

use std::net::SocketAddr;
use std::time::Duration;

use super::topics::TopicIndex;
use super::{Answer, Cluster, Timer};
use crate::error::ClusterError;
use crate::view::LeaderMove;

/// What the controller believes of a broker, and what is so.
#[derive(Debug)]
pub(super) struct Broker {
    /// Whether it runs.
    alive: bool,
    /// Whether the rest of the cluster takes it for running.
    known: bool,
    /// What each listener's clients are told, by the listener's number.
    pub(super) addresses: Vec<SocketAddr>,
}

impl Default for Broker {
    fn default() -> Self {
        Self { alive: true, known: true, addresses: Vec::new() }
    }
}

impl Broker {
    pub(super) fn is_alive(&self) -> bool {
        self.alive
    }
}

impl Cluster {
    /// Whether a broker runs.
    pub(crate) fn alive(&self, broker: i32) -> bool {
        self.brokers.get(&broker).is_some_and(|broker| broker.alive)
    }

    /// Brokers that the cluster takes for running, by id.
    pub(super) fn known_brokers(&self) -> impl Iterator<Item = (i32, &Broker)> {
        self.brokers.iter().filter(|(_, broker)| broker.known).map(|(&id, broker)| (id, broker))
    }

    /// Host and port of a broker for the clients of a listener.
    pub(super) fn endpoint(&self, broker: i32, listener: usize) -> Option<(String, i32)> {
        let address = self.brokers.get(&broker)?.addresses.get(listener)?;
        Some((address.ip().to_string(), i32::from(address.port())))
    }

    /// A broker dies: what was parked on it is gone. Others notice after the detection time.
    /// Returns the number of partitions it led.
    pub(crate) fn crash(&mut self, now: Duration, id: i32) -> Result<usize, ClusterError> {
        let broker = self.brokers.get_mut(&id).ok_or(ClusterError::UnknownBroker(id))?;
        if !broker.alive {
            return Err(ClusterError::BrokerState { id, state: "down" });
        }
        broker.alive = false;
        self.timers.insert((now + self.config.detection, Timer::Detect(id)));
        let fetches = self.fetches.iter().filter(|(_, parked)| parked.broker == id);
        let produces = self.produces.iter().filter(|(_, parked)| parked.broker == id);
        let groups = self.group_tickets.iter().filter(|&(_, &broker)| broker == id);
        let parked: Vec<_> = fetches.map(|(&ticket, _)| ticket).collect();
        let parked: Vec<_> =
            parked.into_iter().chain(produces.map(|(&ticket, _)| ticket)).collect();
        let parked: Vec<_> = parked.into_iter().chain(groups.map(|(&ticket, _)| ticket)).collect();
        self.abandon(parked.into_iter());
        let partitions = self.topics.iter().flat_map(|(_, topic)| &topic.partitions);
        Ok(partitions.filter(|partition| partition.leader() == Some(id)).count())
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
        let broker = self.brokers.get(&id).ok_or(ClusterError::UnknownBroker(id))?;
        if broker.alive {
            return Err(ClusterError::BrokerState { id, state: "up" });
        }
        if broker.known {
            self.timers.retain(|(_, timer)| *timer != Timer::Detect(id));
            self.detect(now, id, answers);
        }
        if let Some(broker) = self.brokers.get_mut(&id) {
            (broker.alive, broker.known) = (true, true);
        }
        for slot in &mut self.coordinator_slots {
            slot.get_or_insert(id);
        }
        self.replicate_all();
        self.settle(answers);
        Ok(())
    }

    /// The controller notices a crash: leaders are elected among the in-sync replicas, groups
    /// move to the next running broker.
    pub(super) fn detect(&mut self, now: Duration, id: i32, answers: &mut Vec<Answer>) {
        if let Some(broker) = self.brokers.get_mut(&id) {
            broker.known = false;
        }
        let brokers = &self.brokers;
        let alive = |id: i32| brokers.get(&id).is_some_and(Broker::is_alive);
        let mut moved = Vec::new();
        for (index, topic) in self.topics.iter_mut() {
            let unclean = topic.settings.unclean_election;
            for (position, partition) in topic.partitions.iter_mut().enumerate() {
                if partition.fence(id, alive, unclean) {
                    moved.push((index, position as i32));
                }
            }
        }
        self.move_groups(now, id, answers);
        for (topic, partition) in moved {
            self.leader_changed(topic, partition);
        }
        self.replicate_all();
    }

    /// Makes another in-sync replica lead.
    pub(crate) fn move_leader(
        &mut self,
        topic: &str,
        partition: i32,
        to: Option<i32>,
        answers: &mut Vec<Answer>,
    ) -> Result<LeaderMove, ClusterError> {
        let index = self.topics.index(topic);
        let index = index.ok_or_else(|| ClusterError::UnknownTopic(topic.to_owned()))?;
        let brokers = &self.brokers;
        let alive = |id: i32| brokers.get(&id).is_some_and(Broker::is_alive);
        let state = self
            .topics
            .partition_mut(index, partition)
            .ok_or_else(|| ClusterError::UnknownPartition { topic: topic.to_owned(), partition })?;
        let from = state.leader();
        let to = state.move_leader(to, alive).map_err(|reason| ClusterError::Leader {
            topic: topic.to_owned(),
            partition,
            reason: reason.to_owned(),
        })?;
        let epoch = state.leader_epoch();
        self.leader_changed(index, partition);
        self.replicated((index, partition));
        self.settle(answers);
        Ok(LeaderMove { from, to, epoch })
    }

    /// Everybody who waits at the old leader gets an answer.
    fn leader_changed(&mut self, topic: TopicIndex, partition: i32) {
        if let Some(state) = self.topics.partition_mut(topic, partition) {
            self.woken.extend_from_slice(&state.fetches);
            let waiting = state.produces.clone();
            self.fail_produces((topic, partition), waiting);
        }
    }

    /// After brokers came or went: who can catch up does, and replication goes on.
    fn replicate_all(&mut self) {
        let brokers = &self.brokers;
        let alive = |id: i32| brokers.get(&id).is_some_and(Broker::is_alive);
        for (_, topic) in self.topics.iter_mut() {
            topic.partitions.iter_mut().for_each(|partition| partition.rejoin(alive));
        }
        let sizes = self.topics.iter().map(|(index, topic)| (index, topic.partitions.len()));
        let sizes: Vec<_> = sizes.collect();
        for (index, count) in sizes {
            for partition in 0..count as i32 {
                self.replicated((index, partition));
            }
        }
    }

    pub(super) fn next_running(&self, after: i32) -> Option<i32> {
        let later = self.brokers.range(after + 1..);
        let all = later.chain(self.brokers.range(..=after));
        all.filter(|(_, broker)| broker.alive).map(|(&id, _)| id).next()
    }
}
