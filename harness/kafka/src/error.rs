//! What the cluster's handle can refuse.

use std::io;

/// Why a call on the cluster's handle was refused. Clients on the wire see Kafka's error codes
/// instead.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClusterError {
    /// A setting that makes no cluster.
    #[error("cluster config, {field}: {fix}")]
    Config {
        /// The field of [`ClusterConfig`](crate::ClusterConfig).
        field: &'static str,
        /// What it allows.
        fix: String,
    },
    /// A broker id outside `1..=brokers`.
    #[error("broker {0}: no such broker")]
    UnknownBroker(i32),
    /// A number that is no API served here.
    #[error("api key {0}: is not served")]
    UnknownApi(i16),
    /// Requests cannot fail as asked.
    #[error("failing requests, {field}: {fix}")]
    Failure {
        /// The field of [`ApiFailure`](crate::ApiFailure).
        field: &'static str,
        /// What it allows.
        fix: String,
    },
    /// A listener name that was never added.
    #[error("listener {0:?}: no such listener")]
    UnknownListener(String),
    /// The listener's name is in use.
    #[error("listener {0:?}: exists already")]
    ListenerExists(String),
    /// A topic that does not exist.
    #[error("topic {0:?}: no such topic")]
    UnknownTopic(String),
    /// A partition that the topic does not have.
    #[error("topic {topic:?}: no partition {partition}")]
    UnknownPartition {
        /// The topic's name.
        topic: String,
        /// The partition asked for.
        partition: i32,
    },
    /// The topic cannot be created as asked.
    #[error("topic {topic:?}: {reason}")]
    Topic {
        /// The topic's name.
        topic: String,
        /// Why not.
        reason: String,
    },
    /// The broker is down already, or up already.
    #[error("broker {id}: is {state} already")]
    BrokerState {
        /// The broker's id.
        id: i32,
        /// `up` or `down`.
        state: &'static str,
    },
    /// The replica that should lead is not alive and in sync, or leads already.
    #[error("topic {topic:?} partition {partition}: {reason}")]
    Leader {
        /// The topic's name.
        topic: String,
        /// The partition.
        partition: i32,
        /// Why not.
        reason: String,
    },
    /// An offset outside the log.
    #[error("topic {topic:?} partition {partition}: offset {offset} is outside the log")]
    OffsetOutOfRange {
        /// The topic's name.
        topic: String,
        /// The partition.
        partition: i32,
        /// The offset asked for.
        offset: i64,
    },
    /// A socket could not be opened.
    #[error("broker {broker}: listening socket: {source}")]
    Socket {
        /// The broker's id.
        broker: i32,
        /// The system's answer.
        source: io::Error,
    },
}

impl From<ClusterError> for io::Error {
    fn from(error: ClusterError) -> Self {
        match error {
            ClusterError::Socket { source, .. } => source,
            other => io::Error::new(io::ErrorKind::InvalidInput, other),
        }
    }
}
