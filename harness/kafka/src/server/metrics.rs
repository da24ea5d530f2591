//! Counters of the shell: requests, their times and errors, connections. All are atomics, so that
//! counting a request takes no lock unless it went wrong.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use kafka_protocol::messages::ApiKey;

use super::lock;
use crate::wire::Response;
use histogram::Histogram;

mod exposition;
mod histogram;
mod text;

/// Api keys are below this (Kafka 4.1 uses 0 to 92), versions of a request too.
const API_KEYS: usize = 128;
const VERSIONS: usize = 32;

/// The counters of every broker, by its id from 1. They go on after a crash.
#[derive(Debug)]
pub(crate) struct Metrics {
    brokers: Vec<BrokerMetrics>,
}

/// The counters of one broker.
#[derive(Debug)]
pub(crate) struct BrokerMetrics {
    apis: [OnceLock<Box<ApiMetrics>>; API_KEYS],
    pub(crate) connections_opened: AtomicU64,
    pub(crate) connections_closed: AtomicU64,
    pub(crate) authentications: AtomicU64,
    pub(crate) authentications_failed: AtomicU64,
}

/// One kind of request at one broker.
#[derive(Debug)]
struct ApiMetrics {
    key: ApiKey,
    requests: [AtomicU64; VERSIONS],
    successes: AtomicU64,
    errors: Mutex<BTreeMap<i16, u64>>,
    total_time: Histogram,
}

impl Metrics {
    pub(crate) fn new(brokers: usize) -> Self {
        let broker = || BrokerMetrics {
            apis: [const { OnceLock::new() }; API_KEYS],
            connections_opened: AtomicU64::new(0),
            connections_closed: AtomicU64::new(0),
            authentications: AtomicU64::new(0),
            authentications_failed: AtomicU64::new(0),
        };
        Self { brokers: std::iter::repeat_with(broker).take(brokers).collect() }
    }

    pub(crate) fn of(&self, broker: i32) -> Option<&BrokerMetrics> {
        self.brokers.get(usize::try_from(broker - 1).ok()?)
    }
}

impl BrokerMetrics {
    /// A request was answered `elapsed` after it came.
    pub(crate) fn answered(
        &self,
        key: ApiKey,
        version: i16,
        response: &Response,
        elapsed: Duration,
    ) {
        let Some(api) = self.apis.get(key as usize) else { return };
        let api = api.get_or_init(|| Box::new(ApiMetrics::new(key)));
        if let Some(requests) = api.requests.get(version as usize) {
            requests.fetch_add(1, Relaxed);
        }
        let mut successes = 0;
        response.errors(|code| match code {
            0 => successes += 1,
            code => *lock(&api.errors).entry(code).or_default() += 1,
        });
        api.successes.fetch_add(successes, Relaxed);
        api.total_time.record(elapsed);
    }
}

impl ApiMetrics {
    fn new(key: ApiKey) -> Self {
        Self {
            key,
            requests: [const { AtomicU64::new(0) }; VERSIONS],
            successes: AtomicU64::new(0),
            errors: Mutex::default(),
            total_time: Histogram::new(),
        }
    }
}
