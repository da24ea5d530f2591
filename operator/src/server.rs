//! The operator's own HTTP endpoint: metrics, readiness and liveness.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::context::Context;
use crate::exposition::prometheus_text;

/// What Prometheus asks for first.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// What everybody gets who does not ask for OpenMetrics.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

#[derive(Clone)]
struct Shared {
    context: Arc<Context>,
    ready: Arc<AtomicBool>,
}

/// Serves until `shutdown`; returns the address once it listens.
///
/// # Errors
/// If the address cannot be listened on.
pub(crate) async fn serve(
    listen: SocketAddr,
    context: Arc<Context>,
    ready: Arc<AtomicBool>,
    shutdown: CancellationToken,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/readyz", get(readyz))
        .route("/healthz", get(|| async { "ok\n" }))
        .with_state(Shared { context, ready });
    tokio::spawn(async move {
        let server = axum::serve(listener, router);
        if let Err(error) = server.with_graceful_shutdown(shutdown.cancelled_owned()).await {
            tracing::error!(%error, "the metrics endpoint stopped");
        }
    });
    Ok(address)
}

async fn metrics(State(shared): State<Shared>, headers: HeaderMap) -> impl IntoResponse {
    let text = shared.context.metrics_text();
    if wants_openmetrics(&headers) {
        ([(header::CONTENT_TYPE, OPENMETRICS)], text)
    } else {
        ([(header::CONTENT_TYPE, PROMETHEUS)], prometheus_text(&text))
    }
}

fn wants_openmetrics(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| {
        kind.split(';').next().is_some_and(|kind| kind.trim() == "application/openmetrics-text")
    })
}

async fn readyz(State(shared): State<Shared>) -> (StatusCode, &'static str) {
    if shared.ready.load(Ordering::Relaxed) {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the jobs are not listed yet\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_is_for_those_who_ask_for_it() {
        let asked = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, header::HeaderValue::from_static(accept));
            wants_openmetrics(&headers)
        };
        // What Prometheus 2.42 sends, and what curl does.
        assert!(asked("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"));
        assert!(!asked("*/*"));
        assert!(!wants_openmetrics(&HeaderMap::new()));
    }
}
