//! The `workload:` part of a scenario file, and its validation.
//!
//! The types here are what a file may say. [`WorkloadSpec::validate`] turns them, once, into a
//! [`Workload`] whose values are known to be sound, or lists every problem it found.

mod validate;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use validate::{
    DURATION_MAX, MESSAGES_MAX, PAYLOAD_BYTES_MAX, PAYLOAD_BYTES_MIN, Problem, RATE_MAX, RATE_MIN,
    SYMBOLS_MAX, Workload,
};

/// What flows through a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkloadSpec {
    /// Which events.
    pub events: EventsSpec,
    /// How many, when.
    pub arrival: ArrivalSpec,
    /// Length of a payload in bytes: a padding field fills what the other fields leave.
    #[serde(default = "default_payload_bytes")]
    pub payload_bytes: u32,
    /// Events that are older than their send time; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lateness: Option<LatenessSpec>,
    /// A change of the payload's schema from version 1 to 2; none if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema_change: Option<SchemaChangeSpec>,
}

impl WorkloadSpec {
    /// Multiplies every rate; lengths and times stay. Validate afterwards.
    pub fn scale_rate(&mut self, factor: f64) {
        self.arrival.rate_per_s *= factor;
        if let ShapeSpec::Steps(steps) = &mut self.arrival.shape {
            for step in steps {
                step.rate_per_s *= factor;
            }
        }
    }
}

fn default_payload_bytes() -> u32 {
    200
}

/// The model of the events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum EventsSpec {
    /// Ticks of stock prices, correlated through a common factor.
    MarketData(MarketDataSpec),
}

/// Parameters of market data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MarketDataSpec {
    /// Number of symbols; each is a key.
    pub symbols: u32,
    /// Correlation of the log-returns of any two symbols, 0 to 1.
    pub correlation: f64,
    /// Standard deviation of a symbol's log-price around its base price, 0 to 2.
    pub volatility: f64,
    /// Zipf exponent of how often symbols trade: 0 is evenly, 1 is typical, at most 4.
    pub skew: f64,
}

impl Default for MarketDataSpec {
    fn default() -> Self {
        Self { symbols: 200, correlation: 0.6, volatility: 0.2, skew: 1.0 }
    }
}

/// Arrivals: open loop, each message has an intended time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArrivalSpec {
    /// Base rate in messages a second.
    pub rate_per_s: f64,
    /// How the rate changes over the load.
    #[serde(default)]
    pub shape: ShapeSpec,
}

/// How the rate changes over the load.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ShapeSpec {
    /// The base rate all the time.
    #[default]
    Constant,
    /// A new rate from each of these times on.
    Steps(Vec<StepSpec>),
    /// A multiple of the base rate during each of these intervals.
    Bursts(Vec<BurstSpec>),
}

/// A change of the rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepSpec {
    /// When, from the start of the load.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub at: Duration,
    /// The rate from then on, in messages a second; 0 pauses.
    pub rate_per_s: f64,
}

/// An interval with a multiplied rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BurstSpec {
    /// When it starts, from the start of the load.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub at: Duration,
    /// How long it lasts.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub r#for: Duration,
    /// Multiple of the base rate.
    pub factor: f64,
}

/// Late events: the event time lies behind the intended send time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LatenessSpec {
    /// Share of the events that are late, 0 to 1.
    pub share: f64,
    /// How late those are; never more than a day.
    pub law: LatenessLawSpec,
}

/// The law of the lateness.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum LatenessLawSpec {
    /// Logarithm normally distributed.
    #[serde(rename = "lognormal")]
    LogNormal(LogNormalSpec),
    /// Memoryless.
    Exponential(ExponentialSpec),
    /// Heavy tail.
    Pareto(ParetoSpec),
}

/// Parameters of a log-normal law.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogNormalSpec {
    /// Half are later than this.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub median: Duration,
    /// Standard deviation of the natural logarithm, 0 to 5.
    pub sigma: f64,
}

/// Parameter of an exponential law.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExponentialSpec {
    /// The mean.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub mean: Duration,
}

/// Parameters of a Pareto law.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ParetoSpec {
    /// The least value.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub scale: Duration,
    /// Tail exponent: the smaller the heavier, 0.1 to 100.
    pub shape: f64,
}

/// The payload's schema changes from version 1 to version 2 (fields are added, none renamed).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SchemaChangeSpec {
    /// When, from the start of the load.
    #[serde(with = "humantime_serde")]
    #[schemars(with = "String")]
    pub at: Duration,
}
