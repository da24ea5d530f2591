//! The shell around the core: an HTTP service, in memory and on a socket.
//!
//! [`ApiServer::client`] gives a `kube::Client` without a socket; [`ApiServer::serve`] answers real
//! clients. Both run the same router. Faults hit those on the socket, and who asks for them with
//! [`ApiServer::outside_client`].

mod accept;
mod body;
mod discovery;
mod faults;
mod openapi;
mod render;
mod routes;
mod verbs;
mod watch;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::clock::{Clock, Moment};
use crate::cluster::Cluster;
use crate::store::Limits;
pub use faults::{
    ApiFailure, ApiFault, ApiFaultCounts, ApiRequests, InstalledApiFault, StaleReads,
};
use faults::{Door, Faults};

/// The version of Kubernetes whose API is served.
pub(crate) const KUBERNETES_MINOR: &str = "34";

/// How long clients have to take their last answers when the server stops.
const FAREWELL: Duration = Duration::from_secs(1);

/// How a server behaves.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// What the store holds.
    pub limits: Limits,
    /// How often a quiet watch that allows bookmarks gets one.
    pub bookmark_period: Duration,
    /// Seed of uids and generated names.
    pub seed: u64,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self { limits: Limits::default(), bookmark_period: Duration::from_secs(10), seed: 0 }
    }
}

/// An API server; clones share the same objects.
#[derive(Debug, Clone)]
pub struct ApiServer {
    shared: Arc<Shared>,
    /// Whether it answers clients whom faults can hit.
    outside: bool,
}

#[derive(Debug)]
struct Shared {
    cluster: Mutex<Cluster>,
    clock: Clock,
    /// The version of the last change; watches sleep on it.
    version: tokio::sync::watch::Sender<u64>,
    faults: Faults,
    bookmark_period: Duration,
    /// Ends watches and the socket's listener.
    stop: CancellationToken,
}

impl Default for ApiServer {
    fn default() -> Self {
        Self::new()
    }
}

impl ApiServer {
    /// A server with the defaults.
    pub fn new() -> Self {
        Self::with_config(ApiConfig::default())
    }

    /// A server with the namespaces that every cluster has, and nothing else.
    pub fn with_config(config: ApiConfig) -> Self {
        let clock = Clock::new(config.seed);
        let cluster = Cluster::new(config.limits, clock.moment());
        let version = tokio::sync::watch::Sender::new(cluster.store().version());
        let shared = Shared {
            cluster: Mutex::new(cluster),
            clock,
            version,
            faults: Faults::default(),
            bookmark_period: config.bookmark_period,
            stop: CancellationToken::new(),
        };
        Self { shared: Arc::new(shared), outside: false }
    }

    /// A client that calls the server in memory and meets no fault.
    pub fn client(&self) -> kube::Client {
        let router = self.router();
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            router.clone().oneshot(request.map(axum::body::Body::new))
        });
        kube::Client::new(service, "default")
    }

    /// A client that calls the server in memory and meets the faults of those on the socket.
    pub fn outside_client(&self) -> kube::Client {
        let outside = self.outside();
        let router = outside.router();
        let service = tower::service_fn(move |request: http::Request<kube::client::Body>| {
            let (router, down) = (router.clone(), outside.shared.faults.down().is_some());
            async move {
                if down {
                    return Err(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
                }
                let Ok(answer) = router.oneshot(request.map(axum::body::Body::new)).await;
                Ok(answer)
            }
        });
        kube::Client::new(service, "default")
    }

    /// Everything that the server answers, as a service.
    pub fn router(&self) -> Router {
        Router::new().fallback(verbs::answer).with_state(self.clone())
    }

    fn outside(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), outside: true }
    }

    /// The faults, for clients that they can hit.
    fn faults(&self) -> Option<&Faults> {
        self.outside.then_some(&self.shared.faults)
    }

    /// Answers on a socket until [`ApiServer::stop`].
    ///
    /// # Errors
    /// Those of accepting connections.
    pub async fn serve(&self, listener: TcpListener) -> std::io::Result<()> {
        let stop = self.shared.stop.clone();
        let stopped = stop.clone().cancelled_owned();
        let door = Door::new(self.clone(), listener)?;
        let router = self.outside().router();
        tokio::select! {
            ended = axum::serve(door, router).with_graceful_shutdown(stopped) => ended,
            // A client that neither reads nor leaves does not hold up the end.
            () = async { stop.cancelled().await; tokio::time::sleep(FAREWELL).await } => Ok(()),
        }
    }

    /// Ends watches and the socket.
    pub fn stop(&self) {
        self.shared.stop.cancel();
    }

    /// Every object, in the order of their keys.
    pub(crate) fn objects(&self) -> Vec<Arc<Value>> {
        self.with(|cluster, _| {
            cluster.store().all().map(|(_, object)| Arc::clone(object)).collect()
        })
    }

    /// Runs a function on the state, then wakes the watches if it changed something.
    fn with<R>(&self, run: impl FnOnce(&mut Cluster, Moment) -> R) -> R {
        let moment = self.shared.clock.moment();
        let mut cluster = self.shared.cluster.lock().unwrap_or_else(PoisonError::into_inner);
        let before = cluster.store().version();
        let result = run(&mut cluster, moment);
        let version = cluster.store().version();
        if version > before {
            self.shared.faults.note(version);
        }
        drop(cluster);
        self.shared.version.send_if_modified(|known| {
            // Two writers may come here in the other order than they held the lock.
            let newer = version > *known;
            *known = version.max(*known);
            newer
        });
        result
    }
}
