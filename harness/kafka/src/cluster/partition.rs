//! One partition: what the controller has recorded about it, its replicas, and who waits for it.

use std::time::Duration;

use kafka_protocol::ResponseError;

use super::brokers::Link;
use crate::coordinator::Ticket;
use crate::fault::Defect;
use crate::view::PartitionView;

mod following;
mod leading;
pub(crate) mod reassignment;
pub(crate) mod registration;
pub(crate) mod replica;
pub(crate) mod surroundings;

use registration::Registration;
use replica::Replica;
pub(crate) use surroundings::Surroundings;

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

/// Where a batch went: the offset of its first record and the offset after its last, and the time
/// that the broker gave its records, in milliseconds of Unix time; -1 where the producer did. One
/// that was there before tells its newest time, whoever gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) base_offset: i64,
    pub(crate) end: i64,
    pub(crate) stamped_ms: i64,
}

/// What a round of replication did.
#[derive(Debug, Default)]
pub(crate) struct Replicated {
    /// From where to where the high watermark moved.
    pub(crate) visible: Option<(i64, i64)>,
    /// Fetch answers now on their way: to whom, and their bytes.
    pub(crate) sent: Vec<(i32, usize)>,
}

/// How a broker's process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It is killed; the system keeps what it wrote.
    Crash,
    /// The machine loses power: what is not flushed is gone.
    PowerLoss { flush_interval: Duration },
    /// It stops in order.
    Orderly,
}

impl Partition {
    /// An empty partition kept by `replicas`, led by the first of them that is active.
    pub(crate) fn new(replicas: &[i32], around: Surroundings<'_>) -> Self {
        let mut partition = Self {
            registration: Registration::new(replicas, |broker| around.may_lead(broker)),
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

    /// The copies, in the order of the assignment; last those of brokers that have not heard yet
    /// that they keep the partition no more.
    pub(crate) fn replicas(&self) -> &[Replica] {
        &self.replicas
    }

    /// The copy that a broker leads, for a client that believes in `epoch` (-1: it does not say).
    pub(crate) fn led(&self, broker: i32, epoch: i32) -> Result<&Replica, ResponseError> {
        let replica = self.replica(broker).ok_or(ResponseError::NotLeaderOrFollower)?;
        replica.check_leader(epoch).map(|()| replica)
    }

    /// The copy that a broker keeps, whether it leads or not.
    pub(crate) fn kept(&self, broker: i32, epoch: i32) -> Result<&Replica, ResponseError> {
        let replica = self.replica(broker).ok_or(ResponseError::NotLeaderOrFollower)?;
        replica.check_epoch(epoch).map(|()| replica)
    }

    /// The same as [`Partition::led`], to change it.
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
    /// epoch began, or that keep the partition no more.
    pub(crate) fn spread(&mut self, around: Surroundings<'_>) -> Vec<i32> {
        let mut changed = self.place_replicas(around);
        let (registration, now) = (&self.registration, around.now);
        let reached = self.replicas.iter_mut().filter(|replica| around.hears(replica.broker));
        changed.extend(reached.filter_map(|replica| {
            replica.learn(registration, now, around.defect).then_some(replica.broker)
        }));
        changed
    }

    /// Those who shall keep the partition have a copy, be it empty, and those who shall no more
    /// drop theirs as soon as they hear of it. Returns the latter.
    fn place_replicas(&mut self, around: Surroundings<'_>) -> Vec<i32> {
        let order = &self.registration.replicas;
        if self.replicas.iter().map(|replica| &replica.broker).eq(order) {
            return Vec::new();
        }
        let goes = |replica: &mut Replica| {
            !order.contains(&replica.broker) && around.hears(replica.broker)
        };
        let dropped = self.replicas.extract_if(.., goes).map(|replica| replica.broker).collect();
        for &broker in order {
            if self.replicas.iter().all(|replica| replica.broker != broker) {
                self.replicas.push(Replica::new(broker));
            }
        }
        let place = |replica: &Replica| order.iter().position(|&broker| broker == replica.broker);
        self.replicas.sort_by_key(|replica| place(replica).unwrap_or(usize::MAX));
        dropped
    }

    /// Followers fetch what the leader `broker` has, and the high watermark moves.
    pub(crate) fn replicate(&mut self, broker: i32, around: Surroundings<'_>) -> Replicated {
        let mut result = Replicated::default();
        let Some(at) = self.replicas.iter().position(|replica| replica.broker == broker) else {
            return result;
        };
        let linked = around.link(broker) != Link::Cut;
        for position in (0..self.replicas.len()).filter(|_| linked) {
            let pair = self.replicas.get_disjoint_mut([at, position]);
            let Ok([leader, follower]) = pair else { continue };
            match around.link(follower.broker) {
                Link::Cut => continue,
                _ if !follower.follows(leader) => continue,
                Link::Immediate => {
                    follower.fetch_all(leader, around.now);
                    follower.flush_beyond(around.flush_messages);
                }
                Link::Delayed => {
                    let sent = follower.ask(leader, around.now);
                    result.sent.extend(sent.map(|bytes| (follower.broker, bytes)));
                }
            }
        }
        let Some(leader) = self.replicas.get_mut(at) else { return result };
        leader.flush_beyond(around.flush_messages);
        result.visible = leader.advance_high_watermark(around);
        if let Some((_, high_watermark)) = result.visible.filter(|_| linked) {
            self.tell_high_watermark(broker, high_watermark, around);
        }
        result
    }

    /// Followers without delay hear of the high watermark at once, as their next fetch takes no
    /// time.
    fn tell_high_watermark(&mut self, leader: i32, high_watermark: i64, around: Surroundings<'_>) {
        let epoch = self.replica(leader).map(Replica::leader_epoch);
        let followers = self.replicas.iter_mut().filter(|replica| {
            replica.leader == Some(leader)
                && Some(replica.leader_epoch) == epoch
                && around.link(replica.broker) == Link::Immediate
        });
        followers.for_each(|follower| {
            follower.high_watermark = high_watermark.min(follower.log.end());
        });
    }

    /// A fetch answer has arrived at a follower. Returns the leader that it came from.
    pub(crate) fn receive(&mut self, broker: i32, around: Surroundings<'_>) -> Option<i32> {
        let leader = self.replica(broker)?.arrived_from(around.now)?;
        let at = |broker: i32| self.replicas.iter().position(|replica| replica.broker == broker);
        let pair = [at(leader)?, at(broker)?];
        let [leader, follower] = self.replicas.get_disjoint_mut(pair).ok()?;
        let linked = [leader.broker, follower.broker];
        let linked = linked.iter().all(|&broker| around.link(broker) != Link::Cut);
        if !linked || !follower.follows(leader) {
            follower.incoming = None;
            return None;
        }
        follower.receive(leader, around.now);
        follower.flush_beyond(around.flush_messages);
        Some(leader.broker)
    }

    /// When the answer that was sent to a follower arrives.
    pub(crate) fn expect(&mut self, broker: i32, arrives: Duration) {
        let replica = self.replica_mut(broker);
        if let Some(incoming) = replica.and_then(|replica| replica.incoming.as_mut()) {
            incoming.arrives = arrives;
        }
    }

    /// The in-sync set that the leader `broker` should ask the controller for: one follower more
    /// that has caught up, or without those who lagged for too long if `shrink`.
    pub(crate) fn wanted_isr(
        &self,
        broker: i32,
        shrink: bool,
        around: Surroundings<'_>,
    ) -> Option<Vec<i32>> {
        let leader = self.replica(broker)?;
        let leading = leader.leading.as_ref()?;
        match shrink {
            true => leading.shrunk_isr(leader.log.end(), around.now, around.lag_time_max),
            false => {
                let (end, high_watermark) = (leader.log.end(), leader.high_watermark);
                leading.expanded_isr(end, high_watermark, |id| around.may_lead(id))
            }
        }
    }

    /// The leader `broker` asks the controller for an in-sync set.
    pub(crate) fn propose(&mut self, broker: i32, isr: Vec<i32>) {
        let leading = self.replica_mut(broker).and_then(|replica| replica.leading.as_mut());
        if let Some(leading) = leading {
            leading.propose(isr);
        }
    }

    /// The controller has refused what the leader `broker` asked for.
    pub(crate) fn withdraw(&mut self, broker: i32) {
        let leading = self.replica_mut(broker).and_then(|replica| replica.leading.as_mut());
        if let Some(leading) = leading {
            leading.withdraw();
        }
    }

    /// What each leader asked the controller for and has not got: leader, its epoch, in-sync set.
    pub(crate) fn proposals(&self) -> impl Iterator<Item = (i32, i32, Vec<i32>)> {
        self.replicas.iter().filter_map(|replica| {
            let proposed = replica.leading.as_ref()?.proposed()?;
            Some((replica.broker, replica.leader_epoch, proposed.to_vec()))
        })
    }

    /// The brokers that take themselves for the leader.
    pub(crate) fn leaders(&self) -> impl Iterator<Item = i32> {
        self.replicas.iter().filter(|replica| replica.leads()).map(|replica| replica.broker)
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
    pub(crate) fn stop(&mut self, broker: i32, end: End, now: Duration) {
        self.cut(broker, now);
        let Some(replica) = self.replica_mut(broker) else { return };
        replica.stop();
        match end {
            End::Crash => {}
            End::Orderly => replica.flush(),
            End::PowerLoss { flush_interval } => replica.lose_unflushed(now, flush_interval),
        }
    }

    /// The log directory of `broker` failed.
    pub(crate) fn go_offline(&mut self, broker: i32, now: Duration) {
        self.cut(broker, now);
        if let Some(replica) = self.replica_mut(broker) {
            replica.go_offline();
        }
    }

    /// The follower at `broker` fetches no more. Until now it did, if in vain.
    pub(crate) fn cut(&mut self, broker: i32, now: Duration) {
        for replica in &mut self.replicas {
            if let Some(leading) = &mut replica.leading {
                leading.idled(broker, now);
            }
        }
    }

    /// A new process of `broker` has registered.
    pub(crate) fn forget_progress(&mut self, broker: i32) {
        let leading = self.replicas.iter_mut().filter_map(|replica| replica.leading.as_mut());
        leading.for_each(|leading| leading.forget(broker));
    }

    /// Forgets producers that have been silent since `before`.
    pub(crate) fn expire_producers(&mut self, before: Duration) {
        self.replicas.iter_mut().for_each(|replica| replica.log.expire_producers(before));
    }

    /// Applies retention to what each replica knows to be committed.
    pub(crate) fn retain(&mut self, bytes_max: u64, appended_before: Duration) {
        let limit = (bytes_max, self.replicas.len());
        for replica in &mut self.replicas {
            replica.log.retain(limit, appended_before, replica.high_watermark);
        }
    }
}

impl Replica {
    /// The leader's high watermark follows the replicas in sync. Returns from where to where.
    fn advance_high_watermark(&mut self, around: Surroundings<'_>) -> Option<(i64, i64)> {
        let leading = self.leading.as_ref()?;
        let (end, times) = (self.log.end(), (around.now, around.lag_time_max));
        let may_join = |broker| around.may_lead(broker);
        let minimum = around.min_insync_replicas;
        let mut committed = leading.committed_end(end, minimum, times, may_join)?;
        if around.defect == Some(Defect::HighWatermarkTooEarly) {
            committed = end;
        }
        let before = self.high_watermark;
        self.high_watermark = before.max(committed);
        (self.high_watermark > before).then_some((before, self.high_watermark))
    }
}

#[cfg(test)]
mod tests;
