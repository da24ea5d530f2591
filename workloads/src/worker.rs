//! The reference worker: consumer, processor, producer.
//!
//! It reads the source topic in a consumer group, spends a declared service time on each record
//! (emulated by sleeping, so that many workers fit on few cores), writes a result with the same
//! key, value and `stormgauge` header, and commits an offset only after the broker has
//! acknowledged the results of every record up to it, or in one transaction with them.
//!
//! - `config`: the environment variables, checked all at once
//! - `service_time`, `debt`: the law of the service time, and how it is slept
//! - `processing`, `delivery`: at least once or exactly once, and how each is done
//! - `acknowledgements`, `commit`: what is acknowledged, and what may be committed
//! - `source`, `sink`: the two librdkafka clients
//! - `rejection`, `poison`: which records are put aside as dead letters, and which kill
//! - `attempts`, `notes`: of which records workers have died, kept with the committed offsets
//! - `processor`, `pipeline`: one record, and the loop over all
//! - `metrics`, `histogram`, `endpoint`: what the worker says of itself, and where
//! - `planted_bug`: deliberate mistakes that an oracle must catch; `leak`: memory that is lost

mod acknowledgements;
mod attempts;
mod commit;
mod config;
mod debt;
mod delivery;
mod endpoint;
mod histogram;
mod leak;
mod metrics;
mod notes;
mod pipeline;
mod planted_bug;
mod poison;
mod processing;
mod processor;
mod record;
mod rejection;
mod service_time;
mod sink;
mod source;

use std::sync::Arc;

use rdkafka::error::KafkaError;
use thiserror::Error;

use crate::clock::WallClock;

pub use config::{WorkerConfig, parse_slowed_by};
pub use planted_bug::PlantedBug;
pub use poison::poison;
pub use processing::{Guarantee, Processing, Transactions};
pub use rejection::Rejection;
pub use service_time::ServiceTime;

/// Why a worker stopped.
#[derive(Debug, Error)]
pub enum WorkerError {
    /// The environment does not describe a worker; every problem found.
    #[error("worker environment: {}", .0.join("; "))]
    Config(Vec<String>),
    /// The metrics endpoint could not be opened.
    #[error("metrics endpoint {address}: {error}")]
    Endpoint {
        /// Where it should have listened.
        address: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// A Kafka client could not be made or could not subscribe.
    #[error("kafka {client} client: {error}")]
    Client {
        /// Which client.
        client: &'static str,
        /// What librdkafka said.
        error: KafkaError,
    },
    /// The consumer cannot go on.
    #[error("consume: {0}")]
    Consume(KafkaError),
    /// A result was not accepted; nothing after it was committed.
    #[error("produce: {0}; offsets are committed up to the last acknowledged result")]
    Produce(String),
    /// A transaction could neither be committed nor aborted, or the worker was fenced.
    #[error("transaction: {0}; what it left open is aborted by the next worker of this name")]
    Transaction(String),
    /// Results were still unacknowledged when the time to drain was over.
    #[error("drain: results unacknowledged after {0:?}; their offsets are not committed")]
    Drain(std::time::Duration),
}

/// Runs a worker as the environment variables say, with this clock, until SIGTERM.
///
/// # Errors
/// See [`run`]; also [`WorkerError::Config`] with every problem of the environment.
pub fn run_from_env(clock: WallClock) -> Result<(), WorkerError> {
    run(&WorkerConfig::from_env()?, clock)
}

/// Runs a worker until SIGTERM (or SIGINT), then drains: finishes what was polled, flushes,
/// commits, leaves the group. The clock dates results, and measures latencies from intended send
/// times.
///
/// # Errors
/// When a client cannot be made, a result is not accepted, or the drain takes too long. The
/// process should then exit with an error and be restarted: what was not committed comes again.
pub fn run(config: &WorkerConfig, clock: WallClock) -> Result<(), WorkerError> {
    let metrics = Arc::new(metrics::Metrics::new(clock));
    let endpoint = endpoint::Endpoint::open(config.metrics_address, Arc::clone(&metrics))?;
    pipeline::run(config, &metrics, endpoint.stop_flag())
}
