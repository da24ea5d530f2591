//! Members are subscribed to different topics: what nobody owns goes to the least loaded
//! subscriber, then partitions move from the most loaded to the least loaded ones, topic by
//! topic, until a round changes nothing. After Kafka's `UniformHeterogeneousAssignmentBuilder`.

use super::{Owners, Spec};

/// Rounds of balancing. One is enough, and a second finds nothing to do, where the subscribers of
/// a topic have the same subscriptions; others come close.
const ROUNDS_MAX: usize = 16;

pub(super) fn assign(group: &Spec, owners: Owners) -> Owners {
    let mut state = State { owners, loads: vec![0; group.members.len()] };
    state.revoke_unsubscribed(group);
    let subscribers = group.subscribers();
    let mut order: Vec<usize> = (0..group.topics.len()).collect();
    order.retain(|&topic| !subscribers[topic].is_empty());
    // Most partitions for each subscriber first, then fewest subscribers, then by id.
    order.sort_by(|&a, &b| {
        let weight = |topic: usize| group.topics[topic].partitions as u64;
        let count = |topic: usize| subscribers[topic].len() as u64;
        let by_share = (weight(b) * count(a)).cmp(&(weight(a) * count(b)));
        by_share.then(count(a).cmp(&count(b))).then(a.cmp(&b))
    });
    for &topic in &order {
        state.assign_unowned(topic, &subscribers[topic]);
    }
    order.retain(|&topic| subscribers[topic].len() >= 2);
    let mut last_changed = None;
    for _ in 0..ROUNDS_MAX {
        for &topic in &order {
            if last_changed == Some(topic) {
                return state.owners;
            }
            if state.balance(topic, &subscribers[topic]) || last_changed.is_none() {
                last_changed = Some(topic);
            }
        }
    }
    state.owners
}

struct State {
    owners: Owners,
    /// The number of partitions of each member.
    loads: Vec<usize>,
}

impl State {
    fn revoke_unsubscribed(&mut self, group: &Spec) {
        for (topic, partitions) in self.owners.iter_mut().enumerate() {
            for owner in partitions {
                let subscribed =
                    |member: usize| group.members[member].topics.binary_search(&topic).is_ok();
                *owner = owner.filter(|&member| subscribed(member));
                if let Some(member) = *owner {
                    self.loads[member] += 1;
                }
            }
        }
    }

    fn assign_unowned(&mut self, topic: usize, subscribers: &[usize]) {
        let mut balancer = Balancer::new(subscribers, &self.loads);
        for partition in 0..self.owners[topic].len() {
            if self.owners[topic][partition].is_none() {
                let member = balancer.least_loaded(&self.loads);
                self.owners[topic][partition] = Some(member);
                self.loads[member] += 1;
            }
        }
    }

    /// Moves partitions of one topic until its subscribers are balanced. True if any moved.
    fn balance(&mut self, topic: usize, subscribers: &[usize]) -> bool {
        let mut balancer = Balancer::new(subscribers, &self.loads);
        if balancer.imbalance(&self.loads) <= 1 {
            return false;
        }
        let mut owned: Vec<Vec<usize>> = vec![Vec::new(); self.loads.len()];
        for (partition, owner) in self.owners[topic].iter().enumerate() {
            if let Some(owner) = owner {
                owned[*owner].push(partition);
            }
        }
        let mut moved = false;
        while !balancer.is_balanced() {
            let Some(from) = balancer.most_loaded(&self.loads, &owned) else { break };
            let Some(partition) = owned[from].pop() else { break };
            let to = balancer.least_loaded(&self.loads);
            if balancer.is_balanced() {
                break;
            }
            self.owners[topic][partition] = Some(to);
            self.loads[from] -= 1;
            self.loads[to] += 1;
            moved = true;
        }
        moved
    }
}

/// Subscribers by load, with a growing range of the least loaded at one end and of the most
/// loaded at the other. The members of a range had the same load before they were given, or gave
/// up, a partition in turn; levels are signed because they begin outside the loads there are.
struct Balancer {
    sorted: Vec<usize>,
    least_end: usize,
    least_level: i64,
    next_least: usize,
    most_start: usize,
    most_end: usize,
    most_level: i64,
    /// One more than the place of the next member to give something up.
    next_most: usize,
}

impl Balancer {
    fn new(subscribers: &[usize], loads: &[usize]) -> Self {
        let mut sorted = subscribers.to_vec();
        sorted.sort_by_key(|&member| (loads[member], member));
        let count = sorted.len();
        let level = |member: Option<&usize>| member.map_or(0, |&member| loads[member] as i64);
        Self {
            least_end: 0,
            least_level: level(sorted.first()) - 1,
            next_least: 0,
            most_start: count,
            most_end: count,
            most_level: level(sorted.last()) + 1,
            next_most: count,
            sorted,
        }
    }

    fn imbalance(&self, loads: &[usize]) -> usize {
        let load = |member: Option<&usize>| member.map_or(0, |&member| loads[member]);
        load(self.sorted.last()) - load(self.sorted.first())
    }

    fn is_balanced(&self) -> bool {
        self.most_level - self.least_level <= 1
    }

    /// The next member to get a partition.
    fn least_loaded(&mut self, loads: &[usize]) -> usize {
        if self.next_least >= self.least_end {
            self.least_level += 1;
            while self.least_end < self.sorted.len()
                && loads[self.sorted[self.least_end]] as i64 == self.least_level
            {
                self.least_end += 1;
            }
            self.next_least = 0;
        }
        let member = self.sorted[self.next_least];
        self.next_least += 1;
        member
    }

    /// The next member to give a partition up; members that have none to give are passed over.
    fn most_loaded(&mut self, loads: &[usize], owned: &[Vec<usize>]) -> Option<usize> {
        loop {
            if self.next_most <= self.most_start {
                if self.most_end <= self.most_start && self.most_start > 0 {
                    self.most_level = loads[self.sorted[self.most_start - 1]] as i64;
                } else {
                    self.most_level -= 1;
                }
                while self.most_start > 0
                    && loads[self.sorted[self.most_start - 1]] as i64 == self.most_level
                {
                    self.most_start -= 1;
                }
                self.next_most = self.most_end;
            }
            self.next_most = self.next_most.checked_sub(1)?;
            let place = self.next_most;
            if !owned[self.sorted[place]].is_empty() {
                return Some(self.sorted[place]);
            }
            self.most_end -= 1;
            self.sorted.swap(place, self.most_end);
        }
    }
}
