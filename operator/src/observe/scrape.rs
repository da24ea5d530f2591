//! Fetches the workers' metrics over HTTP: many at once, each within a limit of time and size.

use std::time::Duration;

use axum::body::Bytes;
use futures::{FutureExt, StreamExt};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use super::Target;
use super::prometheus::{WorkerSample, parse};

/// Most bytes read from one worker.
const BODY_MAX: usize = 1 << 20;
/// Workers asked at once.
const AT_ONCE: usize = 32;

/// Why a worker's metrics are missing; the words do not vary from try to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScrapeError {
    /// The pod has no address, or no annotation with a port.
    #[error("the pod names no address and port")]
    NoAddress,
    /// It did not answer within the limit of time.
    #[error("no answer in time")]
    Late,
    /// It could not be asked, or hung up.
    #[error("no connection")]
    Connection,
    /// It answered with another status than success.
    #[error("the answer is status {0}")]
    Status(u16),
    /// Its answer is too long or ended early.
    #[error("the answer is over 1 MiB or broken off")]
    Body,
    /// Its answer has none of the series that a worker may report.
    #[error("none of the expected series")]
    Nothing,
}

/// An HTTP client for metrics endpoints.
pub struct Scraper {
    client: Client<HttpConnector, Empty<Bytes>>,
}

impl Default for Scraper {
    fn default() -> Self {
        Self::new()
    }
}

impl Scraper {
    /// A client without connections.
    #[must_use]
    pub fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(1)
            .build(connector);
        Self { client }
    }

    /// Asks every target, 32 at once, each for at most `patience` and 1 MiB; answers come in the
    /// targets' order.
    pub async fn scrape(
        &self,
        targets: &[Target],
        patience: Duration,
    ) -> Vec<Result<WorkerSample, ScrapeError>> {
        // Boxed: the compiler cannot see that a stream of borrowing futures may be sent.
        let questions: Vec<_> =
            targets.iter().map(|target| self.ask_within(target, patience).boxed()).collect();
        futures::stream::iter(questions).buffered(AT_ONCE).collect().await
    }

    async fn ask_within(
        &self,
        target: &Target,
        patience: Duration,
    ) -> Result<WorkerSample, ScrapeError> {
        tokio::time::timeout(patience, self.ask(target)).await.unwrap_or(Err(ScrapeError::Late))
    }

    async fn ask(&self, target: &Target) -> Result<WorkerSample, ScrapeError> {
        let address = target.address.ok_or(ScrapeError::NoAddress)?;
        let uri =
            format!("http://{address}/metrics").parse().map_err(|_| ScrapeError::NoAddress)?;
        let answer = self.client.get(uri).await.map_err(|_| ScrapeError::Connection)?;
        if !answer.status().is_success() {
            return Err(ScrapeError::Status(answer.status().as_u16()));
        }
        let body = Limited::new(answer.into_body(), BODY_MAX);
        let body = body.collect().await.map_err(|_| ScrapeError::Body)?.to_bytes();
        let sample = parse(&String::from_utf8_lossy(&body));
        if sample.is_empty() { Err(ScrapeError::Nothing) } else { Ok(sample) }
    }
}
