//! What a cluster is made of and where its limits lie.

use std::time::Duration;

use crate::error::ClusterError;
use crate::fault::{Defect, ReplicationLag};
use crate::security::{Security, User};

/// The settings of an embedded cluster. `ClusterConfig::default()` is three brokers that behave
/// like a small production cluster, with delays short enough for tests.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterConfig {
    /// Number of brokers; their ids are `1..=brokers`.
    pub brokers: usize,
    /// In-sync replicas that an `acks=all` produce needs (at most the replication factor counts).
    pub min_insync_replicas: usize,
    /// Replicas of a new topic's partitions when its creator does not say; at most `brokers`.
    pub replication_factor: usize,
    /// Partitions of a new topic when its creator does not say.
    pub default_partitions: i32,
    /// Whether a metadata request may create the topic it asks for.
    pub auto_create_topics: bool,
    /// Bytes of record batches kept for each partition. The oldest batches beyond it are dropped.
    /// From 1 MiB on it bounds the memory that the batches take in all replicas together: small
    /// batches take more than their bytes, and fewer of them are kept.
    pub retention_bytes: u64,
    /// How long a batch is kept, counted from its append.
    pub retention: Duration,
    /// From a broker's crash until the rest of the cluster elects new leaders.
    pub detection: Duration,
    /// How far followers trail their leaders.
    pub replication_lag: ReplicationLag,
    /// A follower that has not had all of its leader's log for so long leaves the in-sync set
    /// (Kafka's `replica.lag.time.max.ms`).
    pub replica_lag_time_max: Duration,
    /// From the loss of the active controller until another is active. Until then nobody is
    /// elected and no metadata changes. The active controller lives on one of the brokers.
    pub controller_failover: Duration,
    /// A batch is on disk so long after it was appended at the latest; a power loss takes what is
    /// younger. Kafka leaves this to the system; Linux writes after 30 seconds.
    pub flush_interval: Duration,
    /// A log is flushed whenever so many records are not (Kafka's `log.flush.interval.messages`).
    pub flush_messages: u64,
    /// A known bug, planted to show that checkers catch it; never set otherwise.
    pub defect: Option<Defect>,
    /// How long the first rebalance of an empty group waits for more members.
    pub group_initial_rebalance_delay: Duration,
    /// The shortest session timeout a group member may ask for.
    pub session_timeout_min: Duration,
    /// The longest session timeout a group member may ask for.
    pub session_timeout_max: Duration,
    /// How long a member of a consumer group (KIP-848) may be silent before it is removed.
    pub consumer_session_timeout: Duration,
    /// How often members of consumer groups are told to send a heartbeat. It takes them a few
    /// to come to a new assignment.
    pub consumer_heartbeat_interval: Duration,
    /// How long a committed offset is kept that no member of its group uses.
    pub offsets_retention: Duration,
    /// The largest request frame; a larger declared length closes the connection unread.
    pub request_bytes_max: usize,
    /// The largest record batch.
    pub message_bytes_max: usize,
    /// Whether a replica outside the in-sync set may lead when no in-sync replica is alive,
    /// losing what it did not have.
    pub unclean_election: bool,
    /// What the default listener asks of its clients.
    pub security: Security,
    /// Who can authenticate at listeners with SASL.
    pub users: Vec<User>,
    /// How many of the last requests are kept for
    /// [`EmbeddedKafka::captured`](crate::EmbeddedKafka::captured); 0 keeps none. Each takes at
    /// most 300 bytes.
    pub capture: usize,
    /// Seed of everything random: topic ids, the cluster id, member ids.
    pub seed: u64,
}

/// More brokers than this are refused: each needs sockets and tasks of its own.
const BROKERS_MAX: usize = 64;

/// The most requests a capture may keep.
const CAPTURE_MAX: usize = 1_000_000;

/// The most partitions one topic may have.
pub(crate) const PARTITIONS_PER_TOPIC_MAX: i32 = 10_000;

/// The most partitions the whole cluster may have.
pub(crate) const PARTITIONS_MAX: usize = 100_000;

impl Default for ClusterConfig {
    fn default() -> Self {
        Self {
            brokers: 3,
            min_insync_replicas: 2,
            replication_factor: 3,
            default_partitions: 1,
            auto_create_topics: false,
            retention_bytes: 256 << 20,
            retention: Duration::from_secs(7 * 24 * 3600),
            detection: Duration::from_millis(500),
            replica_lag_time_max: Duration::from_secs(30),
            replication_lag: ReplicationLag::default(),
            controller_failover: Duration::ZERO,
            flush_interval: Duration::from_secs(30),
            flush_messages: u64::MAX,
            defect: None,
            group_initial_rebalance_delay: Duration::from_millis(100),
            session_timeout_min: Duration::from_millis(100),
            session_timeout_max: Duration::from_secs(1800),
            offsets_retention: Duration::from_secs(7 * 24 * 3600),
            consumer_session_timeout: Duration::from_secs(10),
            consumer_heartbeat_interval: Duration::from_millis(200),
            request_bytes_max: 100 << 20,
            message_bytes_max: 1_048_588,
            unclean_election: false,
            security: Security::default(),
            users: Vec::new(),
            capture: 0,
            seed: 0,
        }
    }
}

impl ClusterConfig {
    /// The default settings for `brokers` brokers, with as many replicas as they allow (up to
    /// three) and a majority of those in sync.
    pub fn with_brokers(brokers: usize) -> Self {
        let replication_factor = brokers.clamp(1, 3);
        Self {
            brokers,
            replication_factor,
            min_insync_replicas: replication_factor / 2 + 1,
            ..Self::default()
        }
    }

    /// Checks that the settings make a cluster.
    ///
    /// # Errors
    ///
    /// [`ClusterError::Config`] names the field and what it allows.
    pub fn validate(&self) -> Result<(), ClusterError> {
        let refuse = |field: &'static str, fix: String| Err(ClusterError::Config { field, fix });
        if !(1..=BROKERS_MAX).contains(&self.brokers) {
            return refuse("brokers", format!("must be 1 to {BROKERS_MAX}, is {}", self.brokers));
        }
        if !(1..=self.brokers).contains(&self.replication_factor) {
            return refuse("replication_factor", format!("must be 1 to {}", self.brokers));
        }
        if !(1..=self.replication_factor).contains(&self.min_insync_replicas) {
            return refuse("min_insync_replicas", format!("1 to {}", self.replication_factor));
        }
        if !(1..=PARTITIONS_PER_TOPIC_MAX).contains(&self.default_partitions) {
            return refuse("default_partitions", format!("1 to {PARTITIONS_PER_TOPIC_MAX}"));
        }
        if self.users.iter().any(|user| user.name.is_empty() || user.password.is_empty()) {
            return refuse("users", "must have a name and a password".into());
        }
        if self.capture > CAPTURE_MAX {
            return refuse("capture", format!("at most {CAPTURE_MAX}"));
        }
        if self.session_timeout_min > self.session_timeout_max {
            return refuse("session_timeout_min", "must not exceed session_timeout_max".into());
        }
        if self.consumer_heartbeat_interval.is_zero() {
            return refuse("consumer_heartbeat_interval", "must not be zero".into());
        }
        if self.consumer_session_timeout <= self.consumer_heartbeat_interval {
            let fix = "must exceed consumer_heartbeat_interval".into();
            return refuse("consumer_session_timeout", fix);
        }
        if !(1024..=i32::MAX as usize).contains(&self.request_bytes_max) {
            return refuse("request_bytes_max", format!("must be 1024 to {}", i32::MAX));
        }
        if !(128..=self.request_bytes_max).contains(&self.message_bytes_max) {
            return refuse("message_bytes_max", "must be 128 to request_bytes_max".into());
        }
        Ok(())
    }
}
