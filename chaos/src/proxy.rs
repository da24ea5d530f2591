//! A TCP proxy in user space that breaks the network between named groups.
//!
//! One listener stands in front of one server and serves its clients: before a broker, the client
//! id in the first request header, `<group>/<member>`, tells who is speaking. While no rule
//! concerns a connection, bytes go straight through large buffers, and one atomic load a chunk
//! notices that the rules have changed.
//!
//! | Module | Holds |
//! |---|---|
//! | `header` | the client group from the first request header |
//! | `effect` | what rules do, as pure decisions: one effect a file, with its law and its source |
//! | `rules`, `counters` | the table that all proxies of a trial share, and what each rule has done |
//! | `active`, `queue` | the rules of one direction of one connection, and what is under way there |
//! | `pump` | one direction of one connection: the fast path, holding and delaying |
//! | `cutting` | connections that are cut, with or without the knowledge of both sides |
//! | `connection` | one client, its server and the two pumps between them |
//! | `injection`, `proof` | network actions installed as rules, with evidence and healing |

mod active;
mod connection;
mod counters;
mod cutting;
mod effect;
mod header;
mod injection;
mod proof;
mod pump;
mod queue;
mod rules;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use counters::RuleCounters;
pub use effect::{Cut, DELAY_MAX, Delay, Direction, Effect, JitterLaw, Keeps, Loss};
pub use injection::inject;
pub use rules::{Rule, RuleId, Rules};

/// The most connections of one proxy; above that, clients are turned away and counted.
pub const CONNECTIONS_MAX: usize = 4096;
/// How much one read takes, and what each direction of a connection buffers without a rule.
pub const BUFFER_BYTES: usize = 64 * 1024;
/// The most bytes under way in one direction of a delayed connection; above that, the sender
/// has to wait.
pub const DELAYED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The most bytes under way in all delayed connections of one proxy. Above that a connection
/// has one chunk under way at a time.
pub const DELAYED_BYTES_MAX_PROXY: usize = 256 * 1024 * 1024;

const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Where a proxy stands.
#[derive(Debug, Clone)]
pub struct Front {
    /// Where clients connect to; port 0 for a free one.
    pub listen: SocketAddr,
    /// Where the server is.
    pub upstream: SocketAddr,
    /// The server's name in rules.
    pub server: String,
    /// Who its clients are.
    pub clients: Clients,
}

/// How a proxy knows to which group a client belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clients {
    /// The server is a broker: from the client id of the first request.
    ByClientId,
    /// All are of this group, whatever they speak.
    Group(String),
}

/// A proxy in front of one server. Dropping it cuts every connection.
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    tracker: TaskTracker,
}

/// What a proxy has seen since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProxyStats {
    /// Connections accepted.
    pub accepted: u64,
    /// Connections turned away because there were [`CONNECTIONS_MAX`].
    pub over_limit: u64,
    /// Connections closed because their first bytes were no Kafka request.
    pub malformed: u64,
    /// Connections closed because no whole request header came in time.
    pub silent: u64,
    /// Connections closed because the server could not be reached.
    pub upstream_refused: u64,
}

/// What the connections of a proxy have in common.
#[derive(Debug)]
struct Shared {
    server: String,
    clients: Clients,
    upstream: SocketAddr,
    rules: Rules,
    stop: CancellationToken,
    connections: AtomicUsize,
    delayed_bytes: AtomicUsize,
    accepted: AtomicU64,
    over_limit: AtomicU64,
    malformed: AtomicU64,
    silent: AtomicU64,
    upstream_refused: AtomicU64,
}

impl FaultProxy {
    /// Listens in front of a server.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn start(front: Front, rules: Rules) -> io::Result<Self> {
        let listener = TcpListener::bind(front.listen).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            server: front.server,
            clients: front.clients,
            upstream: front.upstream,
            rules,
            stop: CancellationToken::new(),
            connections: AtomicUsize::new(0),
            delayed_bytes: AtomicUsize::new(0),
            accepted: AtomicU64::new(0),
            over_limit: AtomicU64::new(0),
            malformed: AtomicU64::new(0),
            silent: AtomicU64::new(0),
            upstream_refused: AtomicU64::new(0),
        });
        let tracker = TaskTracker::new();
        tracker.spawn(accept(listener, Arc::clone(&shared), tracker.clone()));
        Ok(Self { address, shared, tracker })
    }

    /// Where clients connect to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The connections open now.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// What was seen since the start.
    pub fn stats(&self) -> ProxyStats {
        let shared = &self.shared;
        ProxyStats {
            accepted: shared.accepted.load(Ordering::Relaxed),
            over_limit: shared.over_limit.load(Ordering::Relaxed),
            malformed: shared.malformed.load(Ordering::Relaxed),
            silent: shared.silent.load(Ordering::Relaxed),
            upstream_refused: shared.upstream_refused.load(Ordering::Relaxed),
        }
    }

    /// Closes the listener and every connection; all are gone when it returns.
    pub async fn shutdown(self) {
        self.shared.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.stop.cancel();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, tracker: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((client, _)) => admit(client, &shared, &tracker),
            Err(error) => {
                // Out of file descriptors, most likely: others have to close first.
                tracing::debug!(%error, server = shared.server, "accept failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn admit(client: TcpStream, shared: &Arc<Shared>, tracker: &TaskTracker) {
    if shared.connections.load(Ordering::Relaxed) >= CONNECTIONS_MAX {
        shared.over_limit.fetch_add(1, Ordering::Relaxed);
        return;
    }
    let number = shared.accepted.fetch_add(1, Ordering::Relaxed);
    shared.connections.fetch_add(1, Ordering::Relaxed);
    let shared = Arc::clone(shared);
    tracker.spawn(async move {
        let _open = Open(&shared.connections);
        tokio::select! {
            biased;
            () = shared.stop.cancelled() => {}
            () = connection::serve(client, number, &shared) => {}
        }
    });
}

/// Counts a connection as open until it is dropped, whatever ends it.
struct Open<'a>(&'a AtomicUsize);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
