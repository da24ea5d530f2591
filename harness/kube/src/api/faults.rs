//! What can go wrong between the API server and its clients on the socket.
//!
//! A pure rule set ([`rules`]) is asked by the shell at each turn; what it lets go wrong is counted
//! as evidence. Clients in memory, such as the controllers and the kubelets, never meet a fault.

mod counts;
mod door;
mod lens;
mod rules;
mod timeline;

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;
use http::request::Parts;
use tokio::sync::watch;
use tokio::time::Instant;

use super::ApiServer;
use super::routes::{Route, route};
use crate::clock;
use crate::error::ApiError;
use counts::Counts;
use rules::{Asked, Fate, Rules};

pub use counts::ApiFaultCounts;
use door::Connections;
pub(super) use door::Door;
pub(super) use lens::{Lens, Sight};
pub(super) use rules::Window;

/// What goes wrong. Two of the same kind at once add up, or the stricter one wins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ApiFault {
    /// The server is gone: connections are cut, and its port refuses.
    Down,
    /// Every request waits this long before it is looked at.
    Slow(Duration),
    /// Every write waits for a webhook that does not answer.
    WebhookSilent {
        /// How long.
        timeout: Duration,
        /// Whether it is carried out all the same, and not refused.
        ignored: bool,
    },
    /// Requests about objects are answered with an error.
    Errors(ApiFailure, ApiRequests),
    /// Open watches are cut, and later ones as soon as they are this old.
    WatchesCut(Duration),
    /// Watches that are open now stay so, and nothing comes any more, not even their end.
    WatchesStalled,
    /// Watches tell of changes late.
    EventsDelayed {
        /// How late, or how often if `merged`.
        by: Duration,
        /// Whether they come in rounds, of each object the last change only.
        merged: bool,
    },
    /// Reads are answered with the state of now.
    ReadsStale(StaleReads),
    /// Open watches are cut, and none can go on from a version before now.
    HistoryCompacted,
}

/// An error that the server answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiFailure {
    /// 409 to a write, which is not carried out.
    Conflict,
    /// 429 with `Retry-After: 1`; the request is not carried out.
    TooManyRequests,
    /// 500; the request is not carried out.
    InternalError,
    /// 504 to a write, which is carried out all the same.
    Timeout,
    /// 500 to a write on which a webhook was not heard; it is not carried out.
    WebhookSilent,
}

/// Which requests fail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ApiRequests {
    /// Every one.
    All,
    /// This share of them, from 0 to 1.
    Share(f64),
    /// The next so many.
    Next(u64),
}

/// Which reads may be stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaleReads {
    /// Those that allow it with `resourceVersion=0`, as from a cache that trails.
    Allowing,
    /// All, also those that ask for the latest state: no correct server does that.
    All,
}

impl ApiFailure {
    /// Whether the request is carried out before it is answered with this.
    pub(super) fn is_carried_out(self) -> bool {
        self == Self::Timeout
    }

    /// Its HTTP status code.
    pub fn code(self) -> u16 {
        self.error().code
    }

    pub(super) fn error(self) -> ApiError {
        match self {
            Self::Conflict => ApiError::new(
                409,
                "Conflict",
                "the object has been modified; please apply your changes to the latest version \
                 and try again",
            ),
            Self::TooManyRequests => ApiError::retry_later(
                429,
                "TooManyRequests",
                "the server has received too many requests and has asked us to try again later",
            ),
            Self::InternalError => {
                ApiError::new(500, "InternalError", "an error on the server has prevented it")
            }
            Self::WebhookSilent => ApiError::new(
                500,
                "InternalError",
                "Internal error occurred: failed calling webhook \"admission\": failed to call \
                 webhook: context deadline exceeded",
            ),
            Self::Timeout => ApiError::new(
                504,
                "Timeout",
                "the server was unable to return a response in the time allotted, but may still \
                 be processing the request",
            ),
        }
    }
}

/// The faults of one server.
#[derive(Debug)]
pub(super) struct Faults {
    rules: Mutex<Rules>,
    connections: Mutex<Connections>,
    /// Wakes whoever waits when a fault begins or is healed; those that expire are slept for.
    changed: watch::Sender<()>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            rules: Mutex::default(),
            connections: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }
}

impl Faults {
    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a change in the store.
    pub(super) fn note(&self, version: u64) {
        self.rules().note(clock::instant(), version);
    }

    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Until when the server is gone for clients on the socket, if it is.
    pub(super) fn down(&self) -> Option<Instant> {
        self.rules().down(clock::instant())
    }

    /// The version whose state a read gets in place of the `current` one.
    pub(super) fn stale(&self, allows_stale: bool, current: u64) -> Option<u64> {
        self.rules().stale(clock::instant(), allows_stale, current)
    }

    /// Lets a request wait as it has to, and says how it fails if it does.
    async fn meet(&self, asked: Asked) -> Option<ApiFailure> {
        let Fate { waits, failure } = self.rules().request(clock::instant(), asked);
        for wait in waits {
            let started = clock::instant();
            let in_full = self.wait(wait.id, started + wait.delay).await;
            wait.counts.requests.fetch_add(1, Relaxed);
            wait.counts.took(clock::instant() - started);
            if in_full && wait.then.is_some() {
                return wait.then;
            }
        }
        failure
    }

    /// Waits until `end`, or until a fault is over; whether it was until `end`.
    async fn wait(&self, id: u64, end: Instant) -> bool {
        let mut changed = self.changed.subscribe();
        loop {
            let until = self.rules().until(id);
            let Some(until) = until else { return false };
            tokio::select! {
                () = tokio::time::sleep_until(end.min(until)) => return end <= until,
                // The sender lives as long as this.
                _ = changed.changed() => {}
            }
        }
    }
}

/// Lets a request from the socket wait as faults ask for, and says how it fails if it does.
pub(super) async fn meet(server: &ApiServer, parts: &Parts) -> Option<ApiFailure> {
    let faults = server.faults()?;
    let asked = match route(parts.uri.path()) {
        Some(Route::Resource(_)) if parts.method == Method::GET => Asked::Read,
        Some(Route::Resource(_)) if parts.method == Method::HEAD => Asked::Read,
        Some(Route::Resource(_)) => Asked::Write,
        _ => Asked::Other,
    };
    faults.meet(asked).await
}

/// A fault in force, or one that was.
#[derive(Debug)]
pub struct InstalledApiFault {
    server: ApiServer,
    id: u64,
    counts: Arc<Counts>,
}

impl InstalledApiFault {
    /// What has gone wrong so far.
    pub fn counts(&self) -> ApiFaultCounts {
        self.counts.read()
    }

    /// Whether it is neither healed nor expired.
    pub fn is_in_force(&self) -> bool {
        let now = clock::instant();
        self.server.shared.faults.rules().until(self.id).is_some_and(|until| now < until)
    }

    /// Ends it. Harmless when repeated.
    pub fn heal(&self) {
        self.server.shared.faults.rules().end(self.id);
        self.server.shared.faults.changed.send_replace(());
    }
}

impl ApiServer {
    /// How many faults are in force.
    pub(crate) fn faults_in_force(&self) -> usize {
        self.shared.faults.rules().in_force(clock::instant())
    }

    /// Lets something go wrong for clients on the socket, for `limit` at most. What it draws
    /// follows from `seed`.
    pub fn install(&self, fault: ApiFault, limit: Duration, seed: u64) -> InstalledApiFault {
        // Within the store's lock, so that no change falls between its version and the rule.
        let (id, counts) = self.with(|cluster, _| {
            let version = cluster.store().version();
            let mut rules = self.shared.faults.rules();
            rules.install(fault, (clock::instant(), limit), version, seed)
        });
        if fault == ApiFault::Down {
            let cut = self.shared.faults.connections().cut();
            counts.connections.fetch_add(cut as u64, Relaxed);
        }
        self.shared.faults.changed.send_replace(());
        InstalledApiFault { server: self.clone(), id, counts }
    }
}
