//! How appended records reach the followers and become visible, and who is told.

use super::partition::{Partition, Surroundings};
use super::{Cluster, PartitionKey};

impl Cluster {
    /// A partition, to be changed, with what it must know of its surroundings.
    pub(super) fn surrounded(
        &mut self,
        key: PartitionKey,
    ) -> Option<(&mut Partition, Surroundings<'_>)> {
        let topic = self.topics.get_mut(key.0)?;
        let around = Surroundings {
            brokers: &self.brokers,
            min_insync_replicas: topic.settings.min_insync_replicas,
            lag_time_max: self.config.replica_lag_time_max,
            now: self.now,
        };
        Some((topic.partitions.get_mut(usize::try_from(key.1).ok()?)?, around))
    }

    /// Runs replication for a partition that `leader` leads, wakes who waited for what became
    /// visible, and takes followers into the in-sync set that have caught up.
    pub(super) fn replicated(&mut self, key: PartitionKey, leader: i32) {
        if !self.alive(leader) {
            return;
        }
        loop {
            let Some((partition, around)) = self.surrounded(key) else { return };
            let moved = partition.replicate(leader, around);
            let joined = partition.expanded_isr(leader, around);
            if let Some((from, to)) = moved {
                self.became_visible(key, leader, from, to);
            }
            let Some(isr) = joined else { return };
            if !self.alter_isr(key, leader, isr) {
                return;
            }
            if let Some((partition, around)) = self.surrounded(key) {
                partition.spread(around);
            }
        }
    }

    fn became_visible(&mut self, key: PartitionKey, leader: i32, from: i64, to: i64) {
        let Some(partition) = self.topics.partition_mut(key.0, key.1) else { return };
        let here =
            |ticket: &u64| self.produces.get(ticket).is_some_and(|wait| wait.broker == leader);
        self.acknowledged.extend(partition.produces.iter().copied().filter(here));
        let quiet = partition.fetches.is_empty();
        let Some(replica) = partition.replica_mut(leader) else { return };
        let (stable_from, stable) = replica.stabilise();
        if quiet {
            return;
        }
        let bytes = replica.log.bytes_between(from, to);
        let stable_bytes = match (stable_from, stable) == (from, to) {
            true => bytes,
            false => replica.log.bytes_between(stable_from, stable),
        };
        for ticket in &partition.fetches {
            if let Some(parked) = self.fetches.get_mut(ticket)
                && parked.broker == leader
                && parked.gained(bytes, stable_bytes)
            {
                self.woken.push(*ticket);
            }
        }
    }

    /// At `broker` another epoch began, or the broker leads no more: fetches that wait there are
    /// looked at again, and what was produced there is not known to be kept.
    pub(super) fn epoch_ended(&mut self, key: PartitionKey, broker: i32) {
        let Some(partition) = self.topics.partition_mut(key.0, key.1) else { return };
        let fetches = &self.fetches;
        let here = |ticket: &u64| fetches.get(ticket).is_some_and(|wait| wait.broker == broker);
        self.woken.extend(partition.fetches.iter().copied().filter(here));
        let produces = &self.produces;
        let here = |ticket: &u64| produces.get(ticket).is_some_and(|wait| wait.broker == broker);
        let waiting = partition.produces.iter().copied().filter(here).collect();
        self.fail_produces(key, waiting);
    }
}
