//! Why what a client sent for a partition cannot be appended.

use kafka_protocol::ResponseError;

/// Why what a client sent is refused, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// There is nothing at all, not even an empty set. Kafka fails on it and never answers.
    Missing,
    /// The request is wrong, before anybody looks at the partition.
    Sent(ResponseError),
    /// The partition's leader refuses it.
    Log(ResponseError),
}

impl Unfit {
    /// What the client is told.
    pub(crate) fn error(self) -> ResponseError {
        match self {
            Self::Missing => ResponseError::UnknownServerError,
            Self::Sent(error) | Self::Log(error) => error,
        }
    }
}
