//! Client settings that a strategy gives its workers.

use std::collections::BTreeMap;
use std::time::Duration;

/// Kafka client settings that trade latency for throughput.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientSettings {
    /// Least bytes a fetch waits for.
    pub fetch_min_bytes: u32,
    /// Longest that a fetch waits for them.
    pub fetch_wait: Duration,
    /// Longest that a producer waits to fill a batch.
    pub linger: Duration,
    /// Size of a producer's batch.
    pub batch_bytes: u32,
    /// Time between two commits of consumed offsets.
    pub commit_interval: Duration,
}

impl ClientSettings {
    /// The settings as environment variables of a worker.
    #[must_use]
    pub fn environment(&self) -> BTreeMap<String, String> {
        [
            ("KAFKA_FETCH_MIN_BYTES", u128::from(self.fetch_min_bytes)),
            ("KAFKA_FETCH_WAIT_MS", self.fetch_wait.as_millis()),
            ("KAFKA_LINGER_MS", self.linger.as_millis()),
            ("KAFKA_BATCH_BYTES", u128::from(self.batch_bytes)),
            ("KAFKA_COMMIT_INTERVAL_MS", self.commit_interval.as_millis()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_string()))
        .collect()
    }

    /// How far behind the committed offsets of a healthy worker may be: committed lag younger
    /// than this is work in hand, not backlog.
    #[must_use]
    pub fn in_hand(&self) -> Duration {
        self.commit_interval + self.fetch_wait + self.linger
    }
}
