//! The controller: it notices which brokers come and go, keeps the record of who is in sync and
//! who leads, and tells the brokers.

use std::time::Duration;

use super::partition::registration::Change;
use super::{Answer, Cluster, PartitionKey};
use crate::error::ClusterError;
use crate::view::LeaderMove;

/// Why the controller looks at partitions again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// A broker is taken for gone.
    Fenced(i32),
    /// A broker came back without a clean shutdown, so that its logs may lack their tail.
    UncleanShutdown(i32),
    /// A broker may lead again.
    Unfenced,
}

impl Cluster {
    /// The controller notices that a broker is gone: it leaves the in-sync sets, other replicas
    /// lead, and its groups move to the next running broker.
    pub(super) fn detect(&mut self, now: Duration, id: i32, answers: &mut Vec<Answer>) {
        self.set_active(id, false);
        self.reconsider(Cause::Fenced(id));
        self.move_groups(now, id, answers);
    }

    /// A broker that had crashed registers again. What it may have lost costs it its claims, even
    /// where the crash was not noticed; then it may be elected again.
    pub(super) fn register(&mut self, now: Duration, id: i32, answers: &mut Vec<Answer>) {
        let noticed = !self.active(id);
        self.set_active(id, false);
        self.reconsider(Cause::UncleanShutdown(id));
        if !noticed {
            self.move_groups(now, id, answers);
        }
        self.set_active(id, true);
        self.reconsider(Cause::Unfenced);
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
        let active = |id: i32| brokers.get(&id).is_some_and(|broker| broker.is_running());
        let state = self
            .topics
            .partition_mut(index, partition)
            .ok_or_else(|| ClusterError::UnknownPartition { topic: topic.to_owned(), partition })?;
        let from = state.leader();
        let to = state.move_leader(to, active).map_err(|reason| ClusterError::Leader {
            topic: topic.to_owned(),
            partition,
            reason: reason.to_owned(),
        })?;
        let epoch = state.registration.leader_epoch;
        self.spread((index, partition));
        self.settle(answers);
        Ok(LeaderMove { from, to, epoch })
    }

    /// A leader asks for another in-sync set. It is refused if it leads no more.
    pub(super) fn alter_isr(&mut self, key: PartitionKey, leader: i32, isr: Vec<i32>) -> bool {
        let brokers = &self.brokers;
        let active = |id: i32| brokers.get(&id).is_some_and(super::brokers::Broker::is_active);
        let Some(topic) = self.topics.get_mut(key.0) else { return false };
        let min_insync_replicas = topic.settings.min_insync_replicas;
        let position = usize::try_from(key.1).unwrap_or(usize::MAX);
        let Some(partition) = topic.partitions.get_mut(position) else { return false };
        let epoch = partition.replica(leader).map(super::partition::replica::Replica::leader_epoch);
        let registration = &mut partition.registration;
        if registration.leader != Some(leader) || epoch != Some(registration.leader_epoch) {
            return false;
        }
        registration.change(Change {
            isr,
            unclean_shutdown: None,
            unclean_election: false,
            min_insync_replicas,
            active: &active,
        })
    }

    /// Elects and records anew wherever `cause` matters, and tells the brokers.
    fn reconsider(&mut self, cause: Cause) {
        let brokers = &self.brokers;
        let active = |id: i32| brokers.get(&id).is_some_and(super::brokers::Broker::is_active);
        let mut changed = Vec::new();
        for (index, topic) in self.topics.iter_mut() {
            let settings = &topic.settings;
            for (position, partition) in topic.partitions.iter_mut().enumerate() {
                let registration = &mut partition.registration;
                let (gone, unclean_shutdown) = match cause {
                    Cause::Fenced(id) => (Some(id), None),
                    Cause::UncleanShutdown(id) => (Some(id), Some(id)),
                    Cause::Unfenced if registration.leader.is_some() => continue,
                    Cause::Unfenced => (None, None),
                };
                let concerned = gone.is_none_or(|id| {
                    let eligible =
                        unclean_shutdown.is_some() && registration.eligible.contains(&id);
                    eligible || registration.isr.contains(&id)
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
        let Some((partition, around)) = self.surrounded(key) else { return };
        let changed = partition.spread(around);
        let leader = partition.leader();
        for broker in changed {
            self.epoch_ended(key, broker);
        }
        if let Some(leader) = leader {
            self.replicated(key, leader);
        }
    }
}
