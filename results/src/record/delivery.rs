//! What became of every message, and which of it the delivery guarantee allows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most examples of lost messages that a record carries.
pub const LOST_EXAMPLES_MAX: usize = 10;

/// The account of all messages of a trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// Messages that the schedule holds.
    pub planned: u64,
    /// Messages handed to the client.
    pub sent: u64,
    /// Sends that the broker acknowledged.
    pub acknowledged: u64,
    /// Sends that certainly failed.
    pub failed: u64,
    /// Sends whose outcome is unknown, such as those that timed out.
    pub unknown: u64,
    /// Distinct messages whose result was observed.
    pub observed: u64,
    /// Acknowledged, but no result was observed after the drain.
    pub lost: u64,
    /// Results beyond the first of a message.
    pub duplicated: u64,
    /// First results that came after the first result of a later message of the same key.
    pub reordered: u64,
    /// Results for messages that were never sent.
    pub unexpected: u64,
    /// Examples of lost messages, at most [`LOST_EXAMPLES_MAX`].
    pub lost_examples: Vec<String>,
    /// What the scenario demands.
    pub guarantee: Guarantee,
    /// What the source log held at the end, where the scenario had it kept and read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit: Option<SourceAudit>,
}

/// The source log at the end of a trial against what its brokers had acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceAudit {
    /// Acknowledged messages that are not in the log: the brokers lost them.
    pub absent: u64,
    /// Those of them without a result. What is lost beyond these was lost by the job.
    pub absent_and_lost: u64,
}

impl SourceAudit {
    /// Whether the lost messages are exactly those that the log lacks.
    pub fn explains(self, lost: u64) -> bool {
        self.absent == lost && self.absent_and_lost == lost
    }
}

/// The delivery guarantee that a scenario demands. Under every guarantee, results keep the order
/// of their key and none is invented.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Guarantee {
    /// No message has two results; some may have none.
    AtMostOnce,
    /// Every acknowledged message has a result; some may have several.
    #[default]
    AtLeastOnce,
    /// Every acknowledged message has exactly one result.
    ExactlyOnce,
}

impl Guarantee {
    /// The name in files, and of environment variables' values.
    pub fn name(self) -> &'static str {
        match self {
            Guarantee::AtMostOnce => "at_most_once",
            Guarantee::AtLeastOnce => "at_least_once",
            Guarantee::ExactlyOnce => "exactly_once",
        }
    }

    /// The words for it in sentences.
    pub fn words(self) -> &'static str {
        match self {
            Guarantee::AtMostOnce => "at most once",
            Guarantee::AtLeastOnce => "at least once",
            Guarantee::ExactlyOnce => "exactly once",
        }
    }

    /// The counts that must be zero under this guarantee, each with its name in objectives.
    pub fn forbidden(self, delivery: &Delivery) -> Vec<(&'static str, u64)> {
        let mut counts = Vec::new();
        if self != Guarantee::AtMostOnce {
            counts.push(("lost", delivery.lost));
        }
        if self != Guarantee::AtLeastOnce {
            counts.push(("duplicated", delivery.duplicated));
        }
        counts.push(("reordered", delivery.reordered));
        counts.push(("unexpected", delivery.unexpected));
        counts
    }
}
