//! One partition: what the controller has recorded about it, its replicas, and who waits for it.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::ResponseError;

use super::brokers::{Broker, Link};
use crate::coordinator::Ticket;
use crate::view::PartitionView;

mod following;
mod leading;
pub(crate) mod registration;
pub(crate) mod replica;

use registration::Registration;
use replica::Replica;

/// The state of one partition.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) registration: Registration,
    replicas: Vec<Replica>,
    /// Fetches parked on this partition, at any broker.
    pub(crate) fetches: Vec<Ticket>,
    /// Produces parked until the high watermark reaches what they appended, at any broker.
    pub(crate) produces: Vec<Ticket>,
}

/// Where a batch went: the offset of its first record and the offset after its last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) base_offset: i64,
    pub(crate) end: i64,
}

/// What a partition must know of the brokers and of its topic.
#[derive(Clone, Copy)]
pub(crate) struct Surroundings<'a> {
    pub(crate) brokers: &'a BTreeMap<i32, Broker>,
    pub(crate) min_insync_replicas: usize,
    pub(crate) lag_time_max: Duration,
    pub(crate) now: Duration,
}

impl Surroundings<'_> {
    fn link(&self, broker: i32) -> Link {
        self.brokers.get(&broker).map_or(Link::Cut, Broker::link)
    }

    fn active(&self, broker: i32) -> bool {
        self.brokers.get(&broker).is_some_and(Broker::is_active)
    }
}

impl Partition {
    /// An empty partition kept by `replicas`, led by the first of them that is active.
    pub(crate) fn new(replicas: &[i32], around: Surroundings<'_>) -> Self {
        let mut partition = Self {
            registration: Registration::new(replicas, |broker| around.active(broker)),
            replicas: replicas.iter().map(|&broker| Replica::new(broker)).collect(),
            fetches: Vec::new(),
            produces: Vec::new(),
        };
        partition.spread(around);
        partition
    }

    /// The leader that the controller has recorded.
    pub(crate) fn leader(&self) -> Option<i32> {
        self.registration.leader
    }

    /// The copy that a broker keeps.
    pub(crate) fn replica(&self, broker: i32) -> Option<&Replica> {
        self.replicas.iter().find(|replica| replica.broker == broker)
    }

    /// The copy that a broker keeps.
    pub(crate) fn replica_mut(&mut self, broker: i32) -> Option<&mut Replica> {
        self.replicas.iter_mut().find(|replica| replica.broker == broker)
    }

    /// The copies, in the order of the assignment.
    pub(crate) fn replicas(&self) -> &[Replica] {
        &self.replicas
    }

    /// The copy that a broker leads, for a client that believes in `epoch` (-1: it does not say).
    pub(crate) fn led(&self, broker: i32, epoch: i32) -> Result<&Replica, ResponseError> {
        let replica = self.replica(broker).ok_or(ResponseError::NotLeaderOrFollower)?;
        replica.check_leader(epoch).map(|()| replica)
    }

    /// The same, to change it.
    pub(crate) fn led_mut(&mut self, broker: i32) -> Result<&mut Replica, ResponseError> {
        let replica = self.replica_mut(broker).ok_or(ResponseError::NotLeaderOrFollower)?;
        replica.check_leader(-1).map(|()| replica)
    }

    pub(crate) fn view(&self, partition: i32) -> PartitionView {
        let registration = &self.registration;
        let shown = registration.leader.or(registration.last_known_leader);
        let shown = shown.and_then(|broker| self.replica(broker)).or(self.replicas.first());
        PartitionView {
            partition,
            leader: registration.leader,
            leader_epoch: registration.leader_epoch,
            replicas: registration.replicas.clone(),
            isr: registration.isr.clone(),
            eligible_leaders: registration.eligible.clone(),
            log_start: shown.map_or(0, |replica| replica.log.start()),
            high_watermark: shown.map_or(0, Replica::high_watermark),
            last_stable: shown.map_or(0, Replica::last_stable),
            bytes: shown.map_or(0, |replica| replica.log.bytes()),
        }
    }

    /// The brokers that hear from the controller learn its record. Returns those for which a new
    /// epoch began.
    pub(crate) fn spread(&mut self, around: Surroundings<'_>) -> Vec<i32> {
        let (registration, now) = (&self.registration, around.now);
        let reached = self.replicas.iter_mut().filter(|replica| around.hears(replica.broker));
        let changed = reached
            .filter_map(|replica| replica.learn(registration, now).then_some(replica.broker));
        changed.collect()
    }

    /// Followers fetch what the leader `broker` has, and the high watermark moves. Returns the
    /// offsets that became visible.
    pub(crate) fn replicate(
        &mut self,
        broker: i32,
        around: Surroundings<'_>,
    ) -> Option<(i64, i64)> {
        let at = self.replicas.iter().position(|replica| replica.broker == broker)?;
        let linked = around.link(broker) != Link::Cut;
        for position in (0..self.replicas.len()).filter(|_| linked) {
            let pair = self.replicas.get_disjoint_mut([at, position]);
            let Ok([leader, follower]) = pair else { continue };
            if around.link(follower.broker) == Link::Immediate && follower.follows(leader) {
                follower.fetch_from(leader, around.now);
            }
        }
        let moved = self.replicas.get_mut(at)?.advance_high_watermark(around);
        if let Some((_, high_watermark)) = moved {
            let (epoch, linked) = (self.replicas.get(at)?.leader_epoch(), linked);
            let followers = self.replicas.iter_mut().filter(|replica| {
                linked
                    && replica.leader == Some(broker)
                    && replica.leader_epoch == epoch
                    && around.link(replica.broker) == Link::Immediate
            });
            followers.for_each(|follower| {
                follower.high_watermark = high_watermark.min(follower.log.end());
            });
        }
        moved
    }

    /// The larger in-sync set that the leader `broker` should ask the controller for, if any.
    pub(crate) fn expanded_isr(&self, broker: i32, around: Surroundings<'_>) -> Option<Vec<i32>> {
        let leader = self.replica(broker)?;
        let leading = leader.leading.as_ref()?;
        leading.expanded_isr(leader.high_watermark, |replica| around.active(replica))
    }

    /// Makes a replica lead that is active and in sync: `to`, or the next after the leader.
    pub(crate) fn move_leader(
        &mut self,
        to: Option<i32>,
        active: impl Fn(i32) -> bool,
    ) -> Result<i32, &'static str> {
        let registration = &mut self.registration;
        let may_lead = |&broker: &i32| active(broker) && registration.isr.contains(&broker);
        let to = match to {
            Some(to) if registration.leader == Some(to) => return Err("the broker leads already"),
            Some(to) => Some(to).filter(may_lead),
            None => {
                let order = &registration.replicas;
                let leads = |&broker: &i32| Some(broker) == registration.leader;
                let at = order.iter().position(leads).unwrap_or(0);
                let others = order.iter().cycle().skip(at + 1).take(order.len().saturating_sub(1));
                others.copied().find(may_lead)
            }
        };
        let to = to.ok_or("no such replica is alive and in sync")?;
        registration.lead(Some(to));
        Ok(to)
    }

    /// The process of `broker` ended.
    pub(crate) fn stop(&mut self, broker: i32) {
        if let Some(replica) = self.replica_mut(broker) {
            replica.stop();
        }
    }

    /// Applies retention to what each replica knows to be committed.
    pub(crate) fn retain(&mut self, bytes_max: u64, appended_before: Duration) {
        for replica in &mut self.replicas {
            replica.log.retain(bytes_max, appended_before, replica.high_watermark);
        }
    }
}

impl Surroundings<'_> {
    /// Whether the controller's news reaches a broker.
    fn hears(&self, broker: i32) -> bool {
        self.link(broker) != Link::Cut
    }
}

impl Replica {
    /// The leader's high watermark follows the replicas in sync. Returns from where to where.
    fn advance_high_watermark(&mut self, around: Surroundings<'_>) -> Option<(i64, i64)> {
        let leading = self.leading.as_ref()?;
        let may_join = |broker: i32, caught_up_at: Option<Duration>| {
            let recent = caught_up_at.is_some_and(|at| at + around.lag_time_max >= around.now);
            recent && around.active(broker)
        };
        let end = self.log.end();
        let committed = leading.committed_end(end, around.min_insync_replicas, may_join)?;
        let before = self.high_watermark;
        self.high_watermark = before.max(committed);
        (self.high_watermark > before).then_some((before, self.high_watermark))
    }
}

#[cfg(test)]
mod tests;
