//! What the worker promises: every result at least once, or exactly once.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The processing guarantee, `KAFKA_PROCESSING_GUARANTEE`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Guarantee {
    /// Offsets are committed after their results: a crash repeats results.
    #[default]
    AtLeastOnce,
    /// Results and offsets are committed in one transaction (KIP-98, KIP-447).
    ExactlyOnce,
}

/// How results and offsets are committed, with what that needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Processing {
    /// See [`Guarantee::AtLeastOnce`].
    AtLeastOnce,
    /// See [`Guarantee::ExactlyOnce`].
    ExactlyOnce(Transactions),
}

/// The transactional producer of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transactions {
    /// `transactional.id`, made of the group and the pod's name: a process that is started again
    /// in the same pod ends what the one before it left open, and fences it.
    pub id: String,
    /// `KAFKA_TRANSACTION_TIMEOUT_MS`: the brokers abort a transaction that is open for this long.
    pub timeout: Duration,
}

impl FromStr for Guarantee {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "at_least_once" => Ok(Self::AtLeastOnce),
            "exactly_once" => Ok(Self::ExactlyOnce),
            _ => Err(format!("{text:?} is no guarantee; allowed: at_least_once, exactly_once")),
        }
    }
}

impl fmt::Display for Guarantee {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::AtLeastOnce => "at_least_once",
            Self::ExactlyOnce => "exactly_once",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_the_rest_refused() {
        for guarantee in [Guarantee::AtLeastOnce, Guarantee::ExactlyOnce] {
            assert_eq!(guarantee.to_string().parse(), Ok(guarantee));
        }
        assert!("at_most_once".parse::<Guarantee>().unwrap_err().contains("exactly_once"));
    }
}
