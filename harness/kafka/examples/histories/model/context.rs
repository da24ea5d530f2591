//! The world as a client sees it: it can ask brokers, wait, and draw lots.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

use embedded_kafka::Simulation;
use kafka_protocol::protocol::Request;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use super::TOPIC;
use super::digest::Digest;
use super::invariant::{Note, Observer};
use super::links::{Link, Pending, Token};
use super::plan::Plan;
use super::trace::Trace;
use super::wire;

/// Something that will happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// A request reaches its broker.
    Arrive(Token),
    /// An answer reaches its client.
    Answer(Token),
    /// A client learns that its connection is gone.
    Drop(usize),
    /// A client has waited long enough.
    Expire(Token),
    /// The broker learns that a client has closed its connection.
    Shut(usize),
    /// A client's own timer.
    Wake(usize),
    /// The next fault of the plan is due.
    Fault(usize),
    /// An ailing broker gets well.
    Heal(super::fault::Healing),
    /// Everything gets well and stays so.
    HealAll,
}

/// Everything but the clients themselves.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) cluster: Simulation,
    pub(crate) now: Duration,
    pub(crate) random: ChaCha8Rng,
    pub(crate) plan: Plan,
    pub(crate) observer: Observer,
    pub(crate) trace: Trace,
    pub(crate) digest: Digest,
    pub(crate) operations: u64,
    /// The client that is being called.
    pub(crate) me: usize,
    /// Faults are over and connections reliable.
    pub(crate) healed: bool,
    /// Brokers with a fault, beside slow replication, that is not over.
    pub(crate) taken: usize,
    /// A broker has lost power and not everybody was seen in sync since.
    pub(crate) power_lost: bool,
    /// Brokers whose disk is or was full since they were started.
    pub(crate) full_disks: BTreeSet<i32>,
    pub(crate) links: Vec<Link>,
    pub(crate) current: BTreeMap<(usize, i32), usize>,
    pub(crate) by_connection: BTreeMap<u32, usize>,
    pub(crate) requests: Vec<Pending>,
    queue: BinaryHeap<Reverse<(Duration, u64, Event)>>,
    next_event: u64,
}

impl Context {
    pub(crate) fn new(
        cluster: Simulation,
        random: ChaCha8Rng,
        plan: Plan,
        observer: Observer,
        trace: Trace,
    ) -> Self {
        Self {
            cluster,
            now: Duration::ZERO,
            random,
            plan,
            observer,
            trace,
            digest: Digest::new(),
            operations: 0,
            me: 0,
            healed: false,
            taken: 0,
            power_lost: false,
            full_disks: BTreeSet::new(),
            links: Vec::new(),
            current: BTreeMap::new(),
            by_connection: BTreeMap::new(),
            requests: Vec::new(),
            queue: BinaryHeap::new(),
            next_event: 0,
        }
    }

    /// Sends a request on the client's connection to a broker. Answers to one connection come in
    /// order; after `timeout` without one the client gives the connection up.
    pub(crate) fn ask<R: Request>(
        &mut self,
        broker: i32,
        version: i16,
        request: &R,
        note: Note,
        timeout: Duration,
    ) -> Token {
        let token = self.requests.len();
        let frame = wire::encode(version, token as u32, request);
        let link = self.link_to(broker);
        let delay = self.travel();
        let arrival = (self.now + delay).max(self.links[link].last_arrival);
        self.links[link].last_arrival = arrival;
        self.links[link].open.push_back(token);
        let (key, owed) = (R::KEY, self.healed);
        self.requests.push(Pending {
            link,
            key,
            version,
            frame,
            note,
            owed,
            reply: None,
            over: false,
        });
        self.operations += 1;
        self.at(arrival, Event::Arrive(token));
        let patience = if owed { self.plan.patience } else { timeout };
        self.at(self.now + patience, Event::Expire(token));
        token
    }

    /// Whether the broker that a request went to is the partition's recorded leader. One that is
    /// cut off and leads no more knows nothing of what its successor has taken.
    pub(crate) fn asked_leader(&self, token: Token, partition: usize) -> bool {
        let broker = self.links[self.requests[token].link].broker;
        let partitions = self.cluster.partitions(TOPIC).unwrap_or_default();
        partitions.get(partition).is_some_and(|view| view.leader == Some(broker))
    }

    /// Calls the client again after a while.
    pub(crate) fn wake_in(&mut self, time: Duration) {
        let (at, me) = (self.now + time, self.me);
        self.at(at, Event::Wake(me));
    }

    pub(crate) fn at(&mut self, at: Duration, event: Event) {
        self.queue.push(Reverse((at, self.next_event, event)));
        self.next_event += 1;
    }

    /// When the next event is due.
    pub(crate) fn next_at(&self) -> Option<Duration> {
        self.queue.peek().map(|Reverse((at, ..))| *at)
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        self.queue.pop().map(|Reverse((_, _, event))| event)
    }

    /// A number of milliseconds from a range.
    pub(crate) fn milliseconds(&mut self, range: std::ops::Range<u64>) -> Duration {
        Duration::from_millis(self.random.random_range(range))
    }

    pub(crate) fn chance(&mut self, one_in: u32) -> bool {
        self.random.random_ratio(1, one_in)
    }

    /// Any of the brokers.
    pub(crate) fn any_broker(&mut self) -> i32 {
        self.random.random_range(1..=self.plan.config.brokers as i32)
    }

    /// How long bytes take: mostly little, now and then much.
    pub(crate) fn travel(&mut self) -> Duration {
        let delay = self.plan.delay_us_max;
        let slow = !self.healed && self.chance(24);
        let range = if slow { 0..delay * 60 } else { 50..delay };
        let micros = self.random.random_range(range);
        Duration::from_micros(micros)
    }

    fn link_to(&mut self, broker: i32) -> usize {
        let key = (self.me, broker);
        if let Some(&link) = self.current.get(&key)
            && !self.links[link].abandoned
            && !self.links[link].noticed
        {
            return link;
        }
        self.links.push(Link::new(self.me, broker));
        let link = self.links.len() - 1;
        self.links[link].last_arrival = self.now;
        self.current.insert(key, link);
        link
    }
}
