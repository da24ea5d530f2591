//! The thin shell: sockets, tasks and time around the pure cluster.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::cluster::{Answer, Cluster, Origin};
use crate::wire::request::{Decoded, decode};

pub(crate) mod authentication;
pub(crate) mod capture;
pub(crate) mod connection;
mod incoming;
pub(crate) mod listener;
mod metrics;
pub(crate) mod observe;
pub(crate) mod outbox;
mod throttle;
mod transport;
mod writer;

use authentication::{Client, Gate, TakeError};
use capture::Capture;
use metrics::Metrics;
use outbox::Outbox;
use throttle::limit_fetch;
use writer::Writer;

/// What all tasks of a cluster share.
#[derive(Debug)]
pub(crate) struct Server {
    clock: Clock,
    cluster: Mutex<Timed>,
    connections: Mutex<Connections>,
    /// Whether anybody has a quota, so that nobody needs the lock to see that nobody has.
    throttles: AtomicBool,
    /// How often the pauses of clients over their quotas were ended before their time.
    pauses_ended: watch::Sender<u64>,
    gates: Mutex<BTreeMap<usize, Arc<Gate>>>,
    metrics: Metrics,
    capture: Capture,
    timer: Notify,
    request_bytes_max: usize,
    batch_bytes_max: usize,
}

/// The cluster and the time at which the timer task will wake for it.
#[derive(Debug)]
struct Timed {
    cluster: Cluster,
    armed: Option<Duration>,
}

#[derive(Debug, Default)]
struct Connections {
    next: u32,
    open: HashMap<u32, Arc<Writer>>,
}

/// A connection's place: where it came in and what it is called.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) broker: i32,
    pub(crate) listener: usize,
    pub(crate) address: IpAddr,
}

impl Server {
    pub(crate) fn new(cluster: Cluster, clock: Clock) -> Self {
        let config = cluster.config();
        Self {
            request_bytes_max: config.request_bytes_max,
            batch_bytes_max: config.request_bytes_max,
            throttles: AtomicBool::new(false),
            pauses_ended: watch::Sender::new(0),
            gates: Mutex::default(),
            metrics: Metrics::new(config.brokers),
            capture: Capture::new(config.capture),
            clock,
            cluster: Mutex::new(Timed { cluster, armed: None }),
            connections: Mutex::default(),
            timer: Notify::new(),
        }
    }

    /// Runs `change` on the cluster and delivers what it answers.
    pub(crate) fn with<T>(
        &self,
        change: impl FnOnce(&mut Cluster, Duration, &mut Vec<Answer>) -> T,
    ) -> T {
        let mut answers = Vec::new();
        let result = {
            let mut timed = lock(&self.cluster);
            let result = change(&mut timed.cluster, self.clock.now(), &mut answers);
            timed.cluster.replace_failed(&mut answers);
            self.throttles.store(timed.cluster.has_quotas(), Ordering::Relaxed);
            let next = timed.cluster.next_deadline();
            if next.is_some_and(|next| timed.armed.is_none_or(|armed| next < armed)) {
                timed.armed = next;
                self.timer.notify_one();
            }
            result
        };
        self.deliver(answers);
        result
    }

    /// Takes one frame of a connection. Its answer will come through `outbox`.
    fn take(
        &self,
        peer: &Peer,
        connection: u32,
        outbox: &Outbox,
        client: &mut Client,
        frame: Bytes,
    ) -> Result<(), TakeError> {
        if client.session.is_some() {
            return self.authenticate(peer, connection, outbox, client, frame);
        }
        let (now, bytes) = (self.clock.now(), frame.len());
        let decoded = decode(frame, self.batch_bytes_max)?;
        self.hand_over(peer, connection, outbox, client, decoded, (now, bytes));
        Ok(())
    }

    /// Gives a request to the cluster: when it came, and how many bytes it had.
    fn hand_over(
        &self,
        peer: &Peer,
        connection: u32,
        outbox: &Outbox,
        client: &mut Client,
        decoded: Decoded,
        (came, bytes): (Duration, usize),
    ) {
        let question = decoded.question();
        let asked = self.asked((came, bytes), peer.broker, &question, &decoded.client_id);
        if client.info.client_id != decoded.client_id {
            client.info.client_id = decoded.client_id;
        }
        let span = asked.span.clone();
        let number = outbox.expect(question, asked);
        let ticket = u64::from(connection) << 32 | u64::from(number);
        let origin = Origin {
            ticket,
            broker: peer.broker,
            listener: peer.listener,
            version: question.version,
        };
        let mut request = decoded.request;
        span.in_scope(|| {
            self.with(|cluster, now, answers| {
                if cluster.has_quotas() {
                    limit_fetch(cluster.quotas(), client, &mut request);
                }
                let request = (question.key, request);
                cluster.accept(now, &origin, &client.info, request, answers);
            });
        });
        if self.throttles() {
            self.spent(peer, client, self.clock.now().saturating_sub(came));
        }
    }

    /// Whether anybody has a quota.
    fn throttles(&self) -> bool {
        self.throttles.load(Ordering::Relaxed)
    }

    fn deliver(&self, answers: Vec<Answer>) {
        if answers.is_empty() {
            return;
        }
        let mut at_once = None;
        {
            let connections = lock(&self.connections);
            for Answer { ticket, response } in answers {
                let (connection, number) = ((ticket >> 32) as u32, ticket as u32);
                let Some(open) = connections.open.get(&connection) else { continue };
                // One at most: the rest is written by other tasks at the same time.
                if at_once.is_none() && open.takes(&response) {
                    if open.outbox.put(number, response) {
                        at_once = Some(open.clone());
                    }
                } else {
                    open.outbox.answer(number, response);
                }
            }
        }
        if let Some(writer) = at_once {
            self.write_at_once(&writer);
        }
    }

    /// Sleeps until the cluster has something to do, and lets it, until cancelled.
    pub(crate) async fn run_timer(self: Arc<Self>, cancel: CancellationToken) {
        loop {
            let armed = lock(&self.cluster).armed;
            let due = async {
                match armed {
                    Some(at) => tokio::time::sleep_until(self.clock.instant(at)).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = cancel.cancelled() => return,
                () = self.timer.notified() => continue,
                () = due => {}
            }
            self.with(|cluster, now, answers| cluster.advance(now, answers));
            let mut timed = lock(&self.cluster);
            timed.armed = timed.cluster.next_deadline();
        }
    }

    /// Registers a connection.
    fn open(&self, peer: Peer, socket: Option<Arc<OwnedWriteHalf>>) -> (u32, Arc<Writer>) {
        if let Some(metrics) = self.metrics.of(peer.broker) {
            metrics.connections_opened.fetch_add(1, Ordering::Relaxed);
        }
        let writer = Arc::new(Writer::new(peer, socket));
        let mut connections = lock(&self.connections);
        while connections.open.contains_key(&connections.next) {
            connections.next = connections.next.wrapping_add(1);
        }
        let id = connections.next;
        connections.next = id.wrapping_add(1);
        connections.open.insert(id, writer.clone());
        (id, writer)
    }

    /// Forgets a connection and what it waits for.
    fn close(&self, connection: u32) {
        let Some(open) = lock(&self.connections).open.remove(&connection) else { return };
        if let Some(metrics) = self.metrics.of(open.peer.broker) {
            metrics.connections_closed.fetch_add(1, Ordering::Relaxed);
        }
        let tickets: Vec<u64> = open
            .outbox
            .unanswered()
            .into_iter()
            .map(|number| u64::from(connection) << 32 | u64::from(number))
            .collect();
        if !tickets.is_empty() {
            self.with(|cluster, _, _| cluster.abandon(tickets.into_iter()));
        }
    }

    /// Connections open at a broker.
    pub(crate) fn connections(&self, broker: i32) -> usize {
        lock(&self.connections).open.values().filter(|open| open.peer.broker == broker).count()
    }
}

/// A panic elsewhere must not take the cluster with it; its state is changed in whole steps.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
