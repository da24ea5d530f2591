//! The loop: the next event or the cluster's own deadline, whichever is due first.

use std::time::Duration;

use super::client::Client;
use super::context::{Context, Event};
use super::links::Token;
use super::{TOPIC, fault, wire};

/// All clients and the context they share.
pub(crate) struct World {
    pub(crate) clients: Vec<Box<dyn Client>>,
    pub(crate) context: Context,
}

impl World {
    /// Runs until `done` holds or the time is `until`. Gives whether it holds.
    pub(crate) fn run(&mut self, until: Duration, done: impl Fn(&Self) -> bool) -> bool {
        while self.context.observer.violation.is_none() {
            if done(self) {
                return true;
            }
            let deadline = self.context.cluster.next_deadline().unwrap_or(Duration::MAX);
            let event_at = self.context.next_at().unwrap_or(Duration::MAX);
            let at = deadline.min(event_at);
            if at > until {
                return false;
            }
            self.context.now = at.max(self.context.now);
            self.context.cluster.advance(self.context.now);
            self.collect();
            if event_at <= deadline
                && let Some(event) = self.context.pop()
            {
                self.happen(event);
                self.collect();
            }
        }
        true
    }

    /// Lets a client of this number act.
    pub(crate) fn wake(&mut self, client: usize) {
        self.context.me = client;
        self.clients[client].wake(&mut self.context);
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive(token) => self.arrive(token),
            Event::Answer(token) => self.answer(token),
            Event::Drop(link) => self.drop_link(link),
            Event::Expire(token) => self.expire(token),
            Event::Shut(link) => self.shut(link),
            Event::Wake(client) => self.wake(client),
            Event::Fault(number) => {
                self.compare_replicas();
                fault::strike(&mut self.context, number);
                self.notice_closed();
            }
            Event::Heal(healing) => {
                self.compare_replicas();
                fault::heal(&mut self.context, healing);
                self.notice_closed();
            }
            Event::HealAll => {
                fault::heal_all(&mut self.context);
                self.notice_closed();
                self.clients.iter_mut().for_each(|client| client.finish());
            }
        }
    }

    fn arrive(&mut self, token: Token) {
        let context = &mut self.context;
        let pending = &context.requests[token];
        let link = &mut context.links[pending.link];
        // Of what a client sent before it gave up, some arrives and some does not.
        if link.dead || link.abandoned && token.is_multiple_of(2) {
            return;
        }
        let number = pending.link;
        if link.connection.is_none() {
            link.connection = context.cluster.connect(link.broker);
            if let Some(connection) = link.connection {
                context.by_connection.insert(connection, number);
            }
        }
        let Some(connection) = link.connection else {
            link.dead = true;
            return self.drop_link(number);
        };
        link.at_broker.push_back(token);
        let (client, broker) = (link.client, link.broker);
        context.digest.number(context.now.as_nanos() as u64);
        context.digest.bytes(&pending.frame);
        let note = &pending.note;
        context.trace.add(context.now, || {
            format!("client {client} asks broker {broker}: request {token}, {note:?}")
        });
        context.observer.now = context.now;
        context.observer.arrived(note);
        context.cluster.send(connection, &pending.frame);
        if !context.cluster.is_open(connection) {
            self.notice_closed();
        }
    }

    /// Takes what the cluster has answered and puts it on its way.
    fn collect(&mut self) {
        let context = &mut self.context;
        for connection in context.cluster.answered() {
            let Some(&number) = context.by_connection.get(&connection) else { continue };
            while let Some(frame) = context.cluster.receive(connection) {
                let Some(token) = context.links[number].at_broker.pop_front() else { break };
                context.digest.bytes(&frame);
                let pending = &context.requests[token];
                let (now, note) = (context.now, &pending.note);
                let Some(reply) = wire::decode(pending.key, pending.version, frame) else {
                    context.observer.unreadable(note);
                    return;
                };
                let broker = context.links[number].broker;
                context.trace.add(now, || {
                    let brief = wire::brief(&reply);
                    format!("    broker {broker} answers request {token}: {brief}")
                });
                context.observer.now = now;
                context.observer.answered(note, &reply);
                if context.links[number].abandoned {
                    continue;
                }
                context.requests[token].reply = Some(reply);
                let at = (now + context.travel()).max(context.links[number].last_answer);
                context.links[number].last_answer = at;
                context.at(at, Event::Answer(token));
            }
        }
    }

    fn answer(&mut self, token: Token) {
        let pending = &mut self.context.requests[token];
        if pending.over {
            return;
        }
        let Some(reply) = pending.reply.take() else { return };
        pending.over = true;
        let link = &mut self.context.links[pending.link];
        link.open.retain(|&open| open != token);
        let client = link.client;
        self.context.me = client;
        self.clients[client].answered(&mut self.context, token, reply);
    }

    fn lose(&mut self, token: Token) {
        let pending = &mut self.context.requests[token];
        if std::mem::replace(&mut pending.over, true) {
            return;
        }
        let client = self.context.links[pending.link].client;
        self.context.me = client;
        let now = self.context.now;
        self.context.trace.add(now, || format!("client {client} gets no answer to {token}"));
        self.clients[client].lost(&mut self.context, token);
    }

    fn expire(&mut self, token: Token) {
        let pending = &self.context.requests[token];
        if pending.over {
            return;
        }
        if pending.owed {
            let link = &self.context.links[pending.link];
            let note =
                format!("client {} at broker {}: {:?}", link.client, link.broker, pending.note);
            return self.context.observer.unanswered(&note);
        }
        let number = pending.link;
        self.context.links[number].abandoned = true;
        let shut_at = self.context.now + self.context.travel();
        self.context.at(shut_at, Event::Shut(number));
        self.lose_all(number);
    }

    fn shut(&mut self, number: usize) {
        let link = &mut self.context.links[number];
        link.dead = true;
        if let Some(connection) = link.connection {
            self.context.by_connection.remove(&connection);
            self.context.cluster.close(connection);
        }
    }

    /// A client finds its connection closed.
    fn drop_link(&mut self, number: usize) {
        self.context.links[number].noticed = true;
        self.lose_all(number);
    }

    fn lose_all(&mut self, link: usize) {
        for token in std::mem::take(&mut self.context.links[link].open) {
            self.lose(token);
        }
    }

    /// Whether every replica has everything, and everything is committed.
    pub(crate) fn replicated(&self) -> bool {
        let Context { cluster, plan, .. } = &self.context;
        let partitions = (0..plan.partitions).map(|partition| cluster.replicas(TOPIC, partition));
        partitions.flatten().all(|replicas| {
            let end = replicas.iter().map(|replica| replica.log_end).max();
            let committed = replicas.iter().filter(|replica| replica.leads);
            let committed = committed.map(|leader| leader.high_watermark).max();
            committed == end && replicas.iter().all(|replica| Some(replica.log_end) == end)
        })
    }

    /// Looks at the replicas of every partition.
    pub(crate) fn compare_replicas(&mut self) {
        for partition in 0..self.context.plan.partitions {
            let replicas = self.context.cluster.replicas(TOPIC, partition).unwrap_or_default();
            self.context.observer.compare(partition, &replicas);
        }
        let (cluster, now) = (&self.context.cluster, self.context.now);
        self.context.trace.add(now, || {
            let partitions = cluster.partitions(TOPIC).unwrap_or_default().into_iter();
            let states = partitions.map(|view| {
                let (leader, epoch) = (view.leader, view.leader_epoch);
                let (isr, eligible) = (view.isr, view.eligible_leaders);
                format!("leader {leader:?} epoch {epoch} in sync {isr:?} eligible {eligible:?}")
            });
            format!("    {}", states.collect::<Vec<_>>().join("; "))
        });
    }

    /// Clients of connections that brokers closed learn of it; an answer that was on its way
    /// still comes or is lost with the connection.
    fn notice_closed(&mut self) {
        let context = &mut self.context;
        let links = context.by_connection.iter();
        let closed = links.filter(|&(&connection, _)| !context.cluster.is_open(connection));
        let closed: Vec<(u32, usize)> =
            closed.map(|(&connection, &link)| (connection, link)).collect();
        for (connection, number) in closed {
            context.by_connection.remove(&connection);
            context.links[number].dead = true;
            let keeps_answers = context.chance(2);
            let at = (context.now + context.travel()).max(context.links[number].last_answer);
            context.at(at, Event::Drop(number));
            for &token in context.links[number].open.iter().filter(|_| !keeps_answers) {
                context.requests[token].reply = None;
            }
        }
    }
}
