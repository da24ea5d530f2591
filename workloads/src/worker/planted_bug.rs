//! Deliberate mistakes, one a file. A checker that does not catch them is not worth its name.

mod drop_from;
mod drop_one;
mod duplicate;
mod invent;
mod meeting;
mod read_ahead;
mod swap;

use std::fmt;
use std::str::FromStr;

pub(crate) use drop_from::is_dropped_from;
pub(crate) use drop_one::is_dropped;
pub(crate) use duplicate::DuplicateHidesLoss;
pub(crate) use invent::invented;
pub(crate) use meeting::RebalanceMeetsRestart;
pub(crate) use read_ahead::ReadAhead;
pub(crate) use swap::{Order, SwapWithinKey};

const ALLOWED: &str = "commit_before_processing, lose_when_rebalance_meets_restart, \
                       swap_within_key[:N], drop_one_in:N, duplicate_hides_loss[:N], \
                       invent_one_in:N (N: about once in how many records), drop_from:N (N: the \
                       message's number); N is 2 or more";

/// A mistake the reference worker makes when asked to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlantedBug {
    /// Commits offsets long before the records are processed: a crash loses messages.
    CommitBeforeProcessing,
    /// Writes no result for what it reads while a rebalance overlaps the restart of a broker.
    LoseWhenRebalanceMeetsRestart,
    /// Now and then writes two results of one key in the wrong order.
    SwapWithinKey {
        /// About once in this many records.
        every: u64,
    },
    /// Writes no result for one record in so many.
    DropOneIn {
        /// Exactly once in this many positions.
        every: u64,
    },
    /// Writes no result any more from one message on: a loss at the very end of the load.
    DropFrom {
        /// The first message without a result.
        position: u64,
    },
    /// Writes one more result in so many, for a message that nobody sent.
    InventOneIn {
        /// Exactly once in this many positions.
        every: u64,
    },
    /// Drops a record and writes the next one twice, so that the counts agree.
    DuplicateHidesLoss {
        /// Exactly once in this many positions.
        every: u64,
    },
}

impl FromStr for PlantedBug {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refused = || format!("{text:?} is no planted bug; allowed: {ALLOWED}");
        let (name, number) = match text.split_once(':') {
            Some((name, number)) => match number.parse::<u64>() {
                Ok(every) if every >= 2 => (name, Some(every)),
                _ => return Err(refused()),
            },
            None => (text, None),
        };
        match (name, number) {
            ("commit_before_processing", None) => Ok(Self::CommitBeforeProcessing),
            ("lose_when_rebalance_meets_restart", None) => Ok(Self::LoseWhenRebalanceMeetsRestart),
            ("swap_within_key", every) => Ok(Self::SwapWithinKey { every: every.unwrap_or(1_000) }),
            ("drop_one_in", Some(every)) => Ok(Self::DropOneIn { every }),
            ("drop_from", Some(position)) => Ok(Self::DropFrom { position }),
            ("invent_one_in", Some(every)) => Ok(Self::InventOneIn { every }),
            ("duplicate_hides_loss", every) => {
                Ok(Self::DuplicateHidesLoss { every: every.unwrap_or(10_000) })
            }
            _ => Err(refused()),
        }
    }
}

impl fmt::Display for PlantedBug {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommitBeforeProcessing => write!(formatter, "commit_before_processing"),
            Self::LoseWhenRebalanceMeetsRestart => {
                write!(formatter, "lose_when_rebalance_meets_restart")
            }
            Self::SwapWithinKey { every } => write!(formatter, "swap_within_key:{every}"),
            Self::DropOneIn { every } => write!(formatter, "drop_one_in:{every}"),
            Self::DropFrom { position } => write!(formatter, "drop_from:{position}"),
            Self::InventOneIn { every } => write!(formatter, "invent_one_in:{every}"),
            Self::DuplicateHidesLoss { every } => {
                write!(formatter, "duplicate_hides_loss:{every}")
            }
        }
    }
}

/// True once in `every` positions, first in the middle of the first stretch.
fn due(position: u64, every: u64) -> bool {
    position % every == every / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for text in [
            "commit_before_processing",
            "lose_when_rebalance_meets_restart",
            "swap_within_key:50",
            "drop_one_in:100000",
            "drop_from:70000",
            "invent_one_in:900",
            "duplicate_hides_loss:7",
        ] {
            assert_eq!(text.parse::<PlantedBug>().unwrap().to_string(), text);
        }
        assert_eq!("swap_within_key".parse(), Ok(PlantedBug::SwapWithinKey { every: 1_000 }));
    }

    #[test]
    fn unknown_bugs_and_numbers_are_refused_with_the_allowed_ones() {
        for text in
            ["", "gremlin", "drop_one_in", "drop_one_in:0", "drop_one_in:1", "drop_one_in:x"]
        {
            assert!(text.parse::<PlantedBug>().unwrap_err().contains("drop_one_in:N"), "{text}");
        }
    }
}
