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
