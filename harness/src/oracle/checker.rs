//! The checkers by name: what each finds, what follows from a finding, what it costs to keep.

use results::{Delivery, HarnessChecks};

/// A checker of the oracle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Checker {
    /// See [`Checker::words`], as for all of them.
    Lost,
    /// Counts results beyond the first of a message.
    Duplicated,
    /// Counts first results out of order within their key.
    Reordered,
    /// Counts results that belong to nothing.
    Unexpected,
    /// Counts offsets that the collector passed over, or had not read at the end.
    Skipped,
    /// Counts offsets that the collector read too late.
    Rewound,
    /// Counts results with an intended time that is not the schedule's.
    Misstamped,
    /// Counts results that the recorder does not hold.
    Unrecorded,
}

/// What follows from a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    /// The trial fails, unless the delivery guarantee allows it.
    Fail,
    /// The trial is invalid: the harness did not measure what it claims.
    Invalid,
}

impl Checker {
    /// Every checker, in the order of reports.
    pub const ALL: [Self; 8] = [
        Self::Lost,
        Self::Duplicated,
        Self::Reordered,
        Self::Unexpected,
        Self::Skipped,
        Self::Rewound,
        Self::Misstamped,
        Self::Unrecorded,
    ];

    /// The name in scenario files, records and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Duplicated => "duplicated",
            Self::Reordered => "reordered",
            Self::Unexpected => "unexpected",
            Self::Skipped => "skipped",
            Self::Rewound => "rewound",
            Self::Misstamped => "misstamped",
            Self::Unrecorded => "unrecorded",
        }
    }

    /// What it finds.
    pub fn words(self) -> &'static str {
        match self {
            Self::Lost => "acknowledged by the broker, and no result after the drain",
            Self::Duplicated => "a result after the first one of the same message",
            Self::Reordered => "the first result of a message after that of a later one of its key",
            Self::Unexpected => "a result that belongs to no message of this trial",
            Self::Skipped => {
                "an offset of the result topic that the collector passed over, or had not read \
                 at the end (not under exactly once, where markers take offsets)"
            }
            Self::Rewound => {
                "an offset of the result topic read after a later one of its partition"
            }
            Self::Misstamped => {
                "a result with another intended time than the schedule gives its message: \
                 coordinated omission"
            }
            Self::Unrecorded => {
                "a result without a sample in a recorder, a sample without a result, or the \
                 slowest result missing"
            }
        }
    }

    /// What follows from a finding.
    pub fn consequence(self) -> Consequence {
        match self {
            Self::Lost | Self::Duplicated | Self::Reordered | Self::Unexpected => Consequence::Fail,
            Self::Skipped | Self::Rewound | Self::Misstamped | Self::Unrecorded => {
                Consequence::Invalid
            }
        }
    }

    /// The memory that it takes, which is known before a trial starts.
    pub fn memory(self) -> &'static str {
        match self {
            Self::Lost => "2 bits a message",
            Self::Duplicated => "1 bit a message, shared with lost",
            Self::Reordered => "4 bytes a key",
            Self::Skipped | Self::Rewound => "8 bytes a partition",
            Self::Misstamped => "32 bytes a change of the rate",
            Self::Unexpected | Self::Unrecorded => "8 bytes",
        }
    }

    /// What it found; what could not be told is zero.
    pub fn count(self, delivery: &Delivery, checks: &HarnessChecks) -> u64 {
        match self {
            Self::Lost => delivery.lost,
            Self::Duplicated => delivery.duplicated,
            Self::Reordered => delivery.reordered,
            Self::Unexpected => delivery.unexpected,
            Self::Skipped => checks.skipped.unwrap_or(0),
            Self::Rewound => checks.rewound,
            Self::Misstamped => checks.misstamped,
            Self::Unrecorded => checks.unrecorded,
        }
    }
}

impl Consequence {
    /// In a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::Fail => "fails, where the guarantee forbids it",
            Self::Invalid => "is invalid",
        }
    }
}
