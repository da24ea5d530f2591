//! How appended records reach the followers and become visible, and who is told.

use std::time::Duration;

use kafka_protocol::ResponseError;
use rand::RngExt;

use super::partition::replica::Replica;
use super::partition::{Partition, Surroundings};
use super::{Cluster, PartitionKey, Timer};
use crate::fault::Disk;

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
            flush_messages: self.config.flush_messages,
            defect: self.config.defect,
            now: self.now,
        };
        Some((topic.partitions.get_mut(usize::try_from(key.1).ok()?)?, around))
    }

    /// Runs replication for a partition that `leader` leads, wakes who waited for what became
    /// visible, and asks for followers to be in sync that have caught up.
    pub(super) fn replicated(&mut self, key: PartitionKey, leader: i32) {
        if !self.alive(leader) {
            return;
        }
        loop {
            let Some((partition, around)) = self.surrounded(key) else { return };
            let result = partition.replicate(leader, around);
            let joined = partition.wanted_isr(leader, false, around);
            for (follower, bytes) in result.sent {
                self.send(key, follower, bytes);
            }
            if let Some((from, to)) = result.visible {
                self.became_visible(key, leader, from, to);
            }
            // Followers with a lag hear of the high watermark by the next answer.
            let told = !self.lagging || result.visible.is_none();
            let changed = joined.is_some_and(|isr| self.ask_for_isr(key, leader, isr));
            if told && !changed {
                return;
            }
        }
    }

    /// A leader asks the controller for another in-sync set, and waits until one is active.
    /// Whether it has been recorded.
    fn ask_for_isr(&mut self, key: PartitionKey, leader: i32, isr: Vec<i32>) -> bool {
        let Some(partition) = self.topics.partition_mut(key.0, key.1) else { return false };
        partition.propose(leader, isr.clone());
        self.grant(key);
        let partition = self.topics.partition_mut(key.0, key.1);
        partition.is_some_and(|partition| partition.registration.isr == isr)
    }

    /// A fetch answer sets out; when it arrives is the follower's replication lag's law.
    fn send(&mut self, key: PartitionKey, follower: i32, bytes: usize) {
        let Some(broker) = self.brokers.get_mut(&follower) else { return };
        let lag = broker.lag;
        let mut sent = self.now;
        if let Some(rate) = lag.bytes_per_second {
            sent = sent.max(broker.busy_until);
            sent += Duration::from_secs_f64(bytes as f64 / rate.get() as f64);
            broker.busy_until = sent;
        }
        let mut arrives = sent + lag.delay + broker.append_delay();
        if !lag.jitter.is_zero() {
            arrives += lag.jitter.mul_f64(self.random.random::<f64>());
        }
        if let Some(partition) = self.topics.partition_mut(key.0, key.1) {
            partition.expect(follower, arrives);
        }
        self.timers.insert((arrives, Timer::Copy(key, follower)));
    }

    /// A fetch answer is due at a follower.
    pub(super) fn arrive(&mut self, key: PartitionKey, follower: i32) {
        if self.brokers.get(&follower).is_some_and(|broker| broker.disk == Disk::Full) {
            return self.fail_directory(follower);
        }
        let Some((partition, around)) = self.surrounded(key) else { return };
        let visible = partition.replica(follower).map_or(0, Replica::high_watermark);
        let leader = partition.receive(follower, around);
        let now_visible = partition.replica(follower).map_or(0, Replica::high_watermark);
        if now_visible > visible {
            self.became_visible(key, follower, visible, now_visible);
        }
        if let Some(leader) = leader {
            self.replicated(key, leader);
        }
    }

    /// The log directory of a broker fails: none of its replicas can be read or written, and
    /// others lead.
    pub(super) fn fail_directory(&mut self, id: i32) {
        // What was on its way to a broker that has died reaches no disk.
        if !self.alive(id) {
            return;
        }
        let Some(broker) = self.brokers.get_mut(&id) else { return };
        broker.offline = true;
        let now = self.now;
        for key in self.topics.keys() {
            if let Some(partition) = self.topics.partition_mut(key.0, key.1) {
                partition.go_offline(id, now);
                self.epoch_ended(key, id, ResponseError::KafkaStorageError);
            }
        }
        self.directory_failed(id);
        self.watch_lag();
    }

    /// Looks for followers that lag for too long as long as any could.
    pub(super) fn watch_lag(&mut self) {
        use super::brokers::{Broker, Link};
        let links = || self.brokers.values().map(Broker::link);
        self.lagging = links().any(|link| link == Link::Delayed);
        let possible = links().any(|link| link != Link::Immediate);
        let watched = self.timers.iter().any(|(_, timer)| *timer == Timer::Lag);
        if possible && !watched {
            let period = self.config.replica_lag_time_max / 2;
            self.timers.insert((self.now + period.max(Duration::from_millis(1)), Timer::Lag));
        }
    }

    /// Leaders ask for followers to be out of sync that have lagged for too long.
    pub(super) fn shrink_in_sync_sets(&mut self) {
        for key in self.topics.keys() {
            let Some((partition, _)) = self.surrounded(key) else { continue };
            let leaders: Vec<i32> = partition.leaders().collect();
            for leader in leaders {
                let Some((partition, around)) = self.surrounded(key) else { continue };
                if let Some(isr) = partition.wanted_isr(leader, true, around) {
                    self.ask_for_isr(key, leader, isr);
                }
            }
        }
        self.watch_lag();
    }

    fn became_visible(&mut self, key: PartitionKey, leader: i32, from: i64, to: i64) {
        self.touch_markers(key);
        let Some(partition) = self.topics.partition_mut(key.0, key.1) else { return };
        let produces = &self.produces;
        let here = |ticket: &u64| produces.get(ticket).is_some_and(|wait| wait.broker == leader);
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
        let seen = |broker: i32, state: &Partition| {
            let replica = state.replica(broker);
            broker == leader || replica.is_some_and(|replica| replica.high_watermark() >= to)
        };
        for ticket in &partition.fetches {
            if let Some(parked) = self.fetches.get_mut(ticket)
                && seen(parked.broker, partition)
                && parked.gained(bytes, stable_bytes)
            {
                self.woken.push(*ticket);
            }
        }
    }

    /// At `broker` another epoch began, or the broker leads no more: fetches that wait there are
    /// looked at again, and what was produced there is not known to be kept.
    pub(super) fn epoch_ended(&mut self, key: PartitionKey, broker: i32, error: ResponseError) {
        self.touch_markers(key);
        let Some(partition) = self.topics.partition_mut(key.0, key.1) else { return };
        let fetches = &self.fetches;
        let here = |ticket: &u64| fetches.get(ticket).is_some_and(|wait| wait.broker == broker);
        self.woken.extend(partition.fetches.iter().copied().filter(here));
        let produces = &self.produces;
        let here = |ticket: &u64| produces.get(ticket).is_some_and(|wait| wait.broker == broker);
        let waiting = partition.produces.iter().copied().filter(here).collect();
        self.fail_produces(key, waiting, error);
    }
}
