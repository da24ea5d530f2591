//! The controller: it notices which brokers come and go, keeps the record of who is in sync and
//! who leads, and tells the brokers. One broker holds it; without it nothing of this happens.

use std::time::Duration;

use super::internal::{Coordination, is_internal};
use super::partition::registration::Change;
use super::{Answer, Cluster, PartitionKey, Timer};
use crate::error::ClusterError;
use crate::view::LeaderMove;

/// Why the controller looks at partitions again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// A broker cannot lead any more.
    Gone(i32),
    /// A broker came back without a clean shutdown, so that its logs may lack their tail.
    UncleanShutdown(i32),
    /// A broker may lead again.
    Back,
}

impl Cluster {
    /// Whether a broker and the active controller reach each other.
    pub(super) fn controller_hears(&self, broker: i32) -> bool {
        self.controller.is_some()
            && self.brokers.get(&broker).is_some_and(super::brokers::Broker::is_connected)
    }

    /// A broker has not been heard of for the detection time: it leaves the in-sync sets, other
    /// replicas lead, and its groups move to the next running broker.
    pub(super) fn detect(&mut self, now: Duration, id: i32, answers: &mut Vec<Answer>) {
        if self.controller.is_none() {
            return;
        }
        if let Some(broker) = self.brokers.get_mut(&id) {
            broker.active = false;
        }
        self.reconsider(Cause::Gone(id));
        self.move_groups(now, id, answers);
    }

    /// A broker stops in order: others lead what it led.
    pub(super) fn retire(&mut self, now: Duration, id: i32, answers: &mut Vec<Answer>) {
        self.reconsider(Cause::Gone(id));
        self.move_groups(now, id, answers);
    }

    /// A new process of a broker registers. What its logs may have lost costs it its claims, even
    /// where the crash was not noticed; then it may be elected again.
    pub(super) fn register(&mut self, now: Duration, id: i32, answers: &mut Vec<Answer>) {
        self.timers.retain(|(_, timer)| *timer != Timer::Detect(id));
        let Some(broker) = self.brokers.get_mut(&id) else { return };
        let (noticed, clean) = (!broker.active, broker.clean);
        broker.active = false;
        let partitions = self.topics.iter_mut().flat_map(|(_, topic)| &mut topic.partitions);
        partitions.for_each(|partition| partition.forget_progress(id));
        self.reconsider(if clean { Cause::Gone(id) } else { Cause::UncleanShutdown(id) });
        if !noticed {
            self.move_groups(now, id, answers);
        }
        if let Some(broker) = self.brokers.get_mut(&id) {
            (broker.starting, broker.failed) = (false, false);
        }
        self.readmit(id, answers);
    }

    /// The controller takes a broker for running again, and the broker learns all that is
    /// recorded.
    pub(super) fn readmit(&mut self, id: i32, answers: &mut Vec<Answer>) {
        if let Some(broker) = self.brokers.get_mut(&id) {
            broker.active = true;
        }
        self.reconsider(Cause::Back);
        self.follow_leaders(answers);
        if !self.has_internal(Coordination::Groups) {
            for slot in &mut self.coordinator_slots {
                slot.get_or_insert(id);
            }
        }
        self.adopt_transactions(id);
        for key in self.topics.keys() {
            self.spread(key);
        }
        self.resume(answers);
    }

    /// The log directory of a broker has failed, and it tells the controller.
    pub(super) fn directory_failed(&mut self, id: i32) {
        if !self.controller_hears(id) {
            return;
        }
        if let Some(broker) = self.brokers.get_mut(&id) {
            broker.failed = true;
        }
        self.reconsider(Cause::Gone(id));
    }

    /// The active controller is lost; another takes over after `gap`.
    pub(super) fn lose_controller(&mut self, now: Duration, gap: Duration) {
        self.controller = None;
        self.timers.retain(|(_, timer)| *timer != Timer::Controller);
        if gap.is_zero() {
            self.elect_controller(now);
        } else {
            self.timers.insert((now + gap, Timer::Controller));
        }
    }

    /// Whether a controller is about to take over.
    pub(super) fn controller_pending(&self) -> bool {
        self.timers.iter().any(|(_, timer)| *timer == Timer::Controller)
    }

    /// A controller takes over, and what waited for one goes on.
    pub(super) fn take_over(&mut self, now: Duration, answers: &mut Vec<Answer>) {
        self.elect_controller(now);
        if self.controller.is_none() {
            return;
        }
        let connected = self.brokers.iter().filter(|(_, broker)| broker.is_connected());
        let back = connected.filter(|(_, broker)| broker.starting || !broker.active);
        let back: Vec<(i32, bool)> = back.map(|(&id, broker)| (id, broker.starting)).collect();
        for (id, starting) in back {
            match starting {
                true => self.register(now, id, answers),
                false => self.readmit(id, answers),
            }
        }
        for key in self.topics.keys() {
            // Who was cut off when something was recorded and is back learns it now.
            self.spread(key);
            self.grant(key);
        }
        self.resume(answers);
    }

    /// The first broker that is connected becomes the active controller. Every broker that was
    /// there has the whole detection time to be heard of, as in KRaft.
    fn elect_controller(&mut self, now: Duration) {
        let mut connected = self.brokers.iter().filter(|(_, broker)| broker.is_connected());
        self.controller = connected.next().map(|(&id, _)| id);
        if self.controller.is_none() {
            return;
        }
        self.controller_epoch += 1;
        self.timers.retain(|(_, timer)| !matches!(timer, Timer::Detect(_)));
        let due = now + self.config.detection;
        let missing = self.brokers.iter().filter(|(_, it)| it.active && !it.is_connected());
        self.timers.extend(missing.map(|(&id, _)| (due, Timer::Detect(id))));
        let failed = self.brokers.iter().filter(|(_, it)| it.offline);
        let failed: Vec<i32> = failed.map(|(&id, _)| id).collect();
        failed.into_iter().for_each(|id| self.directory_failed(id));
    }

    /// Records the in-sync sets that the leaders of a partition have asked for and tells the
    /// brokers. Who leads no more is refused.
    pub(super) fn grant(&mut self, key: PartitionKey) {
        let Some(partition) = self.topics.partition_mut(key.0, key.1) else { return };
        let proposals: Vec<_> = partition.proposals().collect();
        let in_sync = partition.registration.isr.len();
        for (leader, epoch, isr) in proposals {
            if !self.controller_hears(leader) {
                continue;
            }
            let grows = isr.len() > in_sync;
            if self.alter_isr(key, leader, epoch, isr) {
                self.traffic.in_sync_set_changed(leader, grows);
                self.spread(key);
            } else if let Some(partition) = self.topics.partition_mut(key.0, key.1) {
                partition.withdraw(leader);
            }
        }
    }

    fn alter_isr(&mut self, key: PartitionKey, leader: i32, epoch: i32, isr: Vec<i32>) -> bool {
        let brokers = &self.brokers;
        let active = |id: i32| brokers.get(&id).is_some_and(super::brokers::Broker::may_lead);
        let Some(topic) = self.topics.get_mut(key.0) else { return false };
        let min_insync_replicas = topic.settings.min_insync_replicas;
        let position = usize::try_from(key.1).unwrap_or(usize::MAX);
        let Some(partition) = topic.partitions.get_mut(position) else { return false };
        let registration = &mut partition.registration;
        let leads = registration.leader == Some(leader) && registration.leader_epoch == epoch;
        let eligible = isr.iter().all(|&id| registration.isr.contains(&id) || active(id));
        leads
            && eligible
            && registration.change(Change {
                isr,
                unclean_shutdown: None,
                unclean_election: false,
                min_insync_replicas,
                active: &active,
            })
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
        let refused = |reason: &str| ClusterError::Leader {
            topic: topic.to_owned(),
            partition,
            reason: reason.to_owned(),
        };
        let brokers = &self.brokers;
        let running = |id: i32| {
            brokers.get(&id).is_some_and(|broker| broker.may_lead() && broker.is_connected())
        };
        let state = self
            .topics
            .partition_mut(index, partition)
            .ok_or_else(|| ClusterError::UnknownPartition { topic: topic.to_owned(), partition })?;
        if self.controller.is_none() {
            return Err(refused("no controller is active"));
        }
        let from = state.leader();
        let to = state.move_leader(to, running).map_err(refused)?;
        let epoch = state.registration.leader_epoch;
        self.spread((index, partition));
        self.settle(answers);
        Ok(LeaderMove { from, to, epoch })
    }

    /// Elects and records anew wherever `cause` matters, and tells the brokers.
    fn reconsider(&mut self, cause: Cause) {
        let brokers = &self.brokers;
        let active = |id: i32| brokers.get(&id).is_some_and(super::brokers::Broker::may_lead);
        let mut changed = Vec::new();
        for (index, topic) in self.topics.iter_mut() {
            let settings = &topic.settings;
            for (position, partition) in topic.partitions.iter_mut().enumerate() {
                let registration = &mut partition.registration;
                let (gone, unclean_shutdown) = match cause {
                    Cause::Gone(id) => (Some(id), None),
                    Cause::UncleanShutdown(id) => (Some(id), Some(id)),
                    Cause::Back if registration.leader.is_some() => continue,
                    Cause::Back => (None, None),
                };
                let concerned = gone.is_none_or(|id| {
                    let claims = unclean_shutdown.is_some() && registration.eligible.contains(&id);
                    claims || registration.isr.contains(&id)
                });
                let change = Change {
                    isr: gone.map_or(registration.isr.clone(), |id| registration.isr_without(id)),
                    unclean_shutdown,
                    unclean_election: settings.unclean_election,
                    min_insync_replicas: settings.min_insync_replicas,
                    active: &active,
                };
                if concerned && registration.change(change) {
                    changed.push((index, position as i32));
                }
            }
        }
        for key in changed {
            self.spread(key);
        }
    }

    /// The brokers learn what the controller has recorded. Whoever waits where an epoch has ended
    /// gets an answer.
    pub(super) fn spread(&mut self, key: PartitionKey) {
        self.coordination_moved |= self.topics.get(key.0).is_some_and(|it| is_internal(&it.name));
        let Some((partition, around)) = self.surrounded(key) else { return };
        let changed = partition.spread(around);
        let leader = partition.leader();
        for broker in changed {
            self.epoch_ended(key, broker, kafka_protocol::ResponseError::NotLeaderOrFollower);
        }
        if let Some(leader) = leader {
            self.replicated(key, leader);
        }
    }
}
