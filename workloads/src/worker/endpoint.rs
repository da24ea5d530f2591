//! The side thread: metrics over HTTP, and signals.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::sync::oneshot;

use super::WorkerError;
use super::metrics::Metrics;

/// A thread with a small runtime of its own; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Endpoint {
    stop: Arc<AtomicBool>,
    shutdown: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Endpoint {
    /// Listens at the address, if any, and for SIGTERM and SIGINT in any case.
    pub(crate) fn open(
        address: Option<SocketAddr>,
        metrics: Arc<Metrics>,
    ) -> Result<Self, WorkerError> {
        let failed = |error| WorkerError::Endpoint {
            address: address.map_or_else(|| "(signals only)".to_owned(), |at| at.to_string()),
            error,
        };
        let listener = address.map(listen).transpose().map_err(failed)?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let signals = runtime.block_on(async { Signals::install() }).map_err(failed)?;
        let stop = Arc::new(AtomicBool::new(false));
        let (shutdown, over) = oneshot::channel();
        let raise = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("endpoint".to_owned()).spawn(move || {
            runtime.block_on(async move {
                if let Some(listener) = listener {
                    tokio::spawn(serve(listener, metrics));
                }
                tokio::select! {
                    () = signals.raise_forever(&raise) => {}
                    _ = over => {}
                }
            });
        });
        let thread = Some(thread.map_err(failed)?);
        Ok(Self { stop, shutdown: Some(shutdown), thread })
    }

    /// Set once a signal asked the worker to stop.
    pub(crate) fn stop_flag(&self) -> &AtomicBool {
        &self.stop
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        drop(self.shutdown.take());
        if let Some(thread) = self.thread.take() {
            // The thread has nothing to say; a panic in it was printed already.
            let _ = thread.join();
        }
    }
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

async fn serve(listener: TcpListener, metrics: Arc<Metrics>) {
    let routes = Router::new()
        .route("/metrics", get(text))
        .route("/readyz", get(readiness))
        .with_state(metrics);
    let served = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => axum::serve(listener, routes).await,
        Err(error) => Err(error),
    };
    if let Err(error) = served {
        tracing::warn!(%error, "metrics endpoint ended");
    }
}

async fn text(State(metrics): State<Arc<Metrics>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], metrics.text())
}

async fn readiness(State(metrics): State<Arc<Metrics>>) -> (StatusCode, &'static str) {
    if metrics.ready.load(Ordering::Relaxed) {
        (StatusCode::OK, "running\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "starting\n")
    }
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn install() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Never returns: the endpoint answers on while the worker drains.
    async fn raise_forever(mut self, stop: &AtomicBool) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => {}
                _ = self.interrupt.recv() => {}
            }
            stop.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn install() -> std::io::Result<Self> {
        Ok(Self)
    }

    /// Never returns: the endpoint answers on while the worker drains.
    async fn raise_forever(self, stop: &AtomicBool) {
        while tokio::signal::ctrl_c().await.is_ok() {
            stop.store(true, Ordering::Relaxed);
        }
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpStream;

    fn request(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn metrics_and_readiness_are_served_and_the_port_is_free_afterwards() {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let metrics = Arc::new(Metrics::new(|| 0));
        let endpoint = Endpoint::open(Some(address), Arc::clone(&metrics)).unwrap();
        assert!(request(address, "/readyz").starts_with("HTTP/1.1 503"));
        metrics.ready.store(true, Ordering::Relaxed);
        assert!(request(address, "/readyz").starts_with("HTTP/1.1 200"));
        let answer = request(address, "/metrics");
        assert!(answer.contains("streaming_worker_records_total 0"), "{answer}");
        assert!(answer.contains("text/plain; version=0.0.4"), "{answer}");
        drop(endpoint);
        TcpListener::bind(address).unwrap();
    }

    #[test]
    fn a_taken_port_is_an_error_that_names_it() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let error = Endpoint::open(Some(address), Arc::new(Metrics::new(|| 0))).unwrap_err();
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }
}
