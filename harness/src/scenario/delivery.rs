//! What a scenario says about delivery: what is promised, how the load is produced, and what the
//! checkers are expected to find.

use crate::oracle::Checker;
use results::Guarantee;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the job promises about delivery, and how the load is produced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DeliverySpec {
    /// What the job promises: the checkers hold it to that, and its workers are told
    /// (`KAFKA_PROCESSING_GUARANTEE`).
    pub processing: Guarantee,
    /// Which acknowledgement counts as the brokers' promise to keep a message.
    pub acks: Acks,
    /// Whether the source log is kept to the end and read then, so that a loss by the brokers is
    /// told apart from one by the job. It needs memory for the whole load.
    pub audit: bool,
}

/// When a broker acknowledges a message of the load.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Acks {
    /// When every in-sync replica has it, from an idempotent producer.
    #[default]
    All,
    /// When the leader has it: a leader that dies may take it along. The producer is not
    /// idempotent (Kafka allows that only with `all`), so that it may send a message twice.
    Leader,
}

impl Acks {
    /// The name in scenario files and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Leader => "leader",
        }
    }

    /// Client settings of the load's producer that follow from it.
    pub fn client_settings(self) -> Vec<(String, String)> {
        let settings: &[(&str, &str)] = match self {
            Self::All => &[("acks", "all"), ("enable.idempotence", "true")],
            // One request at a time, so that a lost connection does not change the order; a broker that
            // refuses one may, since librdkafka has made the next ready by then.
            Self::Leader => &[
                ("acks", "1"),
                ("enable.idempotence", "false"),
                ("max.in.flight.requests.per.connection", "1"),
            ],
        };
        settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }
}

/// What the checkers must find.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ExpectedSpec {
    /// Messages acknowledged and never observed.
    pub lost: ExpectedLoss,
    /// Results beyond the first of a message.
    pub duplicated: Amount,
    /// Results after one of a later message of their key.
    pub reordered: Amount,
    /// Results of messages that were never sent.
    pub unexpected: Amount,
    /// Offsets of the result topic that the collector passed over, or had not read at the end.
    pub skipped: Amount,
    /// Offsets of the result topic read after a later one of their partition.
    pub rewound: Amount,
    /// Results with another intended time than the schedule gives.
    pub misstamped: Amount,
    /// Results that a recorder does not hold.
    pub unrecorded: Amount,
}

impl ExpectedSpec {
    /// How much a checker must find.
    pub fn amount(&self, checker: Checker) -> Amount {
        match checker {
            Checker::Lost => self.lost.amount(),
            Checker::Duplicated => self.duplicated,
            Checker::Reordered => self.reordered,
            Checker::Unexpected => self.unexpected,
            Checker::Skipped => self.skipped,
            Checker::Rewound => self.rewound,
            Checker::Misstamped => self.misstamped,
            Checker::Unrecorded => self.unrecorded,
        }
    }
}

/// How much of something must be found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// None.
    #[default]
    None,
    /// At least one.
    Some,
    /// None or some: other parts of the scenario may cause it.
    Any,
}

/// How much must be lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExpectedLoss {
    /// None.
    #[default]
    None,
    /// At least one message.
    Some,
    /// None or some.
    Any,
    /// At least one message, and exactly those that the brokers acknowledged and no longer have.
    /// Needs `delivery.audit`.
    ByBrokers,
}

impl Amount {
    /// Whether a count is as expected.
    pub fn holds(self, count: u64) -> bool {
        match self {
            Self::None => count == 0,
            Self::Some => count > 0,
            Self::Any => true,
        }
    }

    /// The word for it; nothing where none is expected.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Some => Some("some"),
            Self::Any => Some("any"),
        }
    }
}

impl ExpectedLoss {
    /// What must be true of the count alone.
    pub fn amount(self) -> Amount {
        match self {
            Self::None => Amount::None,
            Self::Some | Self::ByBrokers => Amount::Some,
            Self::Any => Amount::Any,
        }
    }
}
