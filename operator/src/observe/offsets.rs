//! Offsets of a source: the seam between the operator and brokers.

use futures::future::BoxFuture;

use crate::crd::KafkaSource;

/// Where offsets come from.
pub trait OffsetSource: Send + Sync {
    /// The offsets of a topic and of the group that reads it, within a few seconds.
    fn offsets<'a>(
        &'a self,
        source: &'a KafkaSource,
    ) -> BoxFuture<'a, Result<Offsets, OffsetsError>>;
}

/// Why offsets could not be read. The words do not change from one try to the next, since they
/// end in a status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OffsetsError {
    /// Brokers did not answer in time, or refused.
    #[error("brokers at {bootstrap} did not give {what}: {reason}")]
    Brokers {
        /// The addresses asked.
        bootstrap: String,
        /// What was asked for.
        what: &'static str,
        /// What the client says.
        reason: String,
    },
    /// The topic does not exist or may not be read.
    #[error("topic {topic}: {reason}")]
    Topic {
        /// The topic.
        topic: String,
        /// What the brokers say.
        reason: String,
    },
    /// The last question is still open.
    #[error("the last question to the brokers is not answered yet")]
    Busy,
    /// The client could not be made from these addresses.
    #[error("no client for {bootstrap}: {reason}")]
    Client {
        /// The addresses.
        bootstrap: String,
        /// What the client says.
        reason: String,
    },
}

/// Offsets of every partition, in the order of their numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offsets {
    /// The partitions.
    pub partitions: Vec<PartitionOffsets>,
}

/// Offsets of one partition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PartitionOffsets {
    /// The offset that the next record gets.
    pub end: i64,
    /// The next offset to be processed: committed, or the log's start if nothing was.
    pub next: i64,
}

impl PartitionOffsets {
    /// Records not yet committed.
    #[must_use]
    pub fn lag(&self) -> u64 {
        u64::try_from(self.end.saturating_sub(self.next)).unwrap_or(0)
    }
}

impl Offsets {
    /// Records not yet committed, over all partitions.
    #[must_use]
    pub fn lag_records(&self) -> u64 {
        self.partitions.iter().fold(0_u64, |total, partition| total.saturating_add(partition.lag()))
    }
}
