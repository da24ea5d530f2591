//! The indicators that can be bounded, with their units and words.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::record::Indicators;

/// A measured figure that objectives, gates and tables name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndicatorName {
    /// Median response time.
    P50Response,
    /// 99th percentile of the response time.
    P99Response,
    /// 99.9th percentile of the response time.
    P999Response,
    /// 99th percentile of the response time in the steady phase.
    SteadyP99Response,
    /// The longest recovery from a fault.
    Recovery,
    /// Messages acknowledged but never observed.
    Lost,
    /// Results beyond the first of a message.
    Duplicated,
    /// Results out of order within their key.
    Reordered,
    /// Results for messages that were never sent.
    Unexpected,
    /// Distinct results per second of load.
    Throughput,
    /// Cost of the workers per hour of load.
    Cost,
    /// Time that workers were paid for.
    WorkerSeconds,
    /// Messages that the load generator should have sent and did not.
    MissedSends,
    /// Changes of the replica count.
    ScaleActions,
    /// The longest time until the system noticed a fault.
    WorstDetection,
    /// The longest time until the response p99 was within the objective again after a fault.
    WorstRestore,
    /// The longest time until the backlog of a fault was drained.
    WorstDrain,
    /// Results later than the objective for the response p99.
    OutOfObjective,
    /// The largest share of a fault's time without any result.
    NoProgress,
    /// Share of time with fewer workers than the load needed.
    UnderProvisioned,
    /// Share of time with more workers than the load needed.
    OverProvisioned,
}

/// What an indicator's number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Milliseconds.
    Milliseconds,
    /// Seconds.
    Seconds,
    /// A plain number.
    Count,
    /// Per second.
    PerSecond,
    /// Money per hour.
    MoneyPerHour,
    /// A share of a whole, 0 to 1.
    Share,
}

impl IndicatorName {
    /// Every indicator, in the order of reports.
    pub const ALL: [IndicatorName; 21] = [
        IndicatorName::P50Response,
        IndicatorName::P99Response,
        IndicatorName::P999Response,
        IndicatorName::SteadyP99Response,
        IndicatorName::Recovery,
        IndicatorName::Lost,
        IndicatorName::Duplicated,
        IndicatorName::Reordered,
        IndicatorName::Unexpected,
        IndicatorName::Throughput,
        IndicatorName::Cost,
        IndicatorName::WorkerSeconds,
        IndicatorName::MissedSends,
        IndicatorName::ScaleActions,
        IndicatorName::WorstDetection,
        IndicatorName::WorstRestore,
        IndicatorName::WorstDrain,
        IndicatorName::OutOfObjective,
        IndicatorName::NoProgress,
        IndicatorName::UnderProvisioned,
        IndicatorName::OverProvisioned,
    ];

    /// The name in files.
    pub fn as_str(self) -> &'static str {
        match self {
            IndicatorName::P50Response => "p50_response",
            IndicatorName::P99Response => "p99_response",
            IndicatorName::P999Response => "p999_response",
            IndicatorName::SteadyP99Response => "steady_p99_response",
            IndicatorName::Recovery => "recovery",
            IndicatorName::Lost => "lost",
            IndicatorName::Duplicated => "duplicated",
            IndicatorName::Reordered => "reordered",
            IndicatorName::Unexpected => "unexpected",
            IndicatorName::Throughput => "throughput",
            IndicatorName::Cost => "cost",
            IndicatorName::WorkerSeconds => "worker_seconds",
            IndicatorName::MissedSends => "missed_sends",
            IndicatorName::ScaleActions => "scale_actions",
            IndicatorName::WorstDetection => "worst_detection",
            IndicatorName::WorstRestore => "worst_restore",
            IndicatorName::WorstDrain => "worst_drain",
            IndicatorName::OutOfObjective => "out_of_objective",
            IndicatorName::NoProgress => "no_progress",
            IndicatorName::UnderProvisioned => "under_provisioned",
            IndicatorName::OverProvisioned => "over_provisioned",
        }
    }

    /// The subject of a sentence about it, in lower case.
    pub fn words(self) -> &'static str {
        match self {
            IndicatorName::P50Response => "the median response time",
            IndicatorName::P99Response => "the p99 response time",
            IndicatorName::P999Response => "the p99.9 response time",
            IndicatorName::SteadyP99Response => "the p99 response time in the steady phase",
            IndicatorName::Recovery => "the longest recovery",
            IndicatorName::Lost => "the number of lost messages",
            IndicatorName::Duplicated => "the number of duplicated results",
            IndicatorName::Reordered => "the number of reordered results",
            IndicatorName::Unexpected => "the number of unexpected results",
            IndicatorName::Throughput => "the throughput",
            IndicatorName::Cost => "the cost",
            IndicatorName::WorkerSeconds => "the worker time",
            IndicatorName::MissedSends => "the number of missed sends",
            IndicatorName::ScaleActions => "the number of scale actions",
            IndicatorName::WorstDetection => "the longest detection",
            IndicatorName::WorstRestore => "the longest restoration of the objective",
            IndicatorName::WorstDrain => "the longest drain of the backlog",
            IndicatorName::OutOfObjective => "the number of results out of objective",
            IndicatorName::NoProgress => "the largest share of a fault without progress",
            IndicatorName::UnderProvisioned => "the share of time with too few workers",
            IndicatorName::OverProvisioned => "the share of time with more workers than needed",
        }
    }

    /// The unit of [`IndicatorName::value`].
    pub fn unit(self) -> Unit {
        match self {
            IndicatorName::P50Response
            | IndicatorName::P99Response
            | IndicatorName::P999Response
            | IndicatorName::SteadyP99Response => Unit::Milliseconds,
            IndicatorName::Recovery
            | IndicatorName::WorstDetection
            | IndicatorName::WorstRestore
            | IndicatorName::WorstDrain
            | IndicatorName::WorkerSeconds => Unit::Seconds,
            IndicatorName::Lost
            | IndicatorName::Duplicated
            | IndicatorName::Reordered
            | IndicatorName::Unexpected
            | IndicatorName::MissedSends
            | IndicatorName::ScaleActions
            | IndicatorName::OutOfObjective => Unit::Count,
            IndicatorName::NoProgress
            | IndicatorName::UnderProvisioned
            | IndicatorName::OverProvisioned => Unit::Share,
            IndicatorName::Throughput => Unit::PerSecond,
            IndicatorName::Cost => Unit::MoneyPerHour,
        }
    }

    /// Whether it counts messages, of which the worst trial tells and not the median.
    pub fn counts_messages(self) -> bool {
        matches!(
            self,
            IndicatorName::Lost
                | IndicatorName::Duplicated
                | IndicatorName::Reordered
                | IndicatorName::Unexpected
                | IndicatorName::MissedSends
                | IndicatorName::OutOfObjective
        )
    }

    /// Its value in one trial, in its unit; `None` when it was not measured.
    pub fn value(self, indicators: &Indicators) -> Option<f64> {
        match self {
            IndicatorName::P50Response => indicators.p50_ms,
            IndicatorName::P99Response => indicators.p99_ms,
            IndicatorName::P999Response => indicators.p999_ms,
            IndicatorName::SteadyP99Response => indicators.steady_p99_ms,
            IndicatorName::Recovery => indicators.recovery_s,
            IndicatorName::Lost => Some(indicators.lost as f64),
            IndicatorName::Duplicated => Some(indicators.duplicated as f64),
            IndicatorName::Reordered => Some(indicators.reordered as f64),
            IndicatorName::Unexpected => Some(indicators.unexpected as f64),
            IndicatorName::Throughput => Some(indicators.throughput_per_s),
            IndicatorName::Cost => indicators.cost,
            IndicatorName::WorkerSeconds => Some(indicators.worker_seconds),
            IndicatorName::MissedSends => Some(indicators.missed_sends as f64),
            IndicatorName::ScaleActions => Some(indicators.scale_actions as f64),
            IndicatorName::WorstDetection => indicators.worst_detect_s,
            IndicatorName::WorstRestore => indicators.worst_restore_s,
            IndicatorName::WorstDrain => indicators.worst_drain_s,
            IndicatorName::OutOfObjective => Some(indicators.out_of_objective as f64),
            IndicatorName::NoProgress => indicators.no_progress_share,
            IndicatorName::UnderProvisioned => indicators.elasticity.map(|e| e.under_share),
            IndicatorName::OverProvisioned => indicators.elasticity.map(|e| e.over_share),
        }
    }
}

impl fmt::Display for IndicatorName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A name that is no indicator's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown indicator `{name}`, allowed are: {}", allowed())]
pub struct UnknownIndicator {
    name: String,
}

fn allowed() -> String {
    IndicatorName::ALL.map(IndicatorName::as_str).join(", ")
}

impl FromStr for IndicatorName {
    type Err = UnknownIndicator;

    fn from_str(name: &str) -> Result<Self, UnknownIndicator> {
        IndicatorName::ALL
            .into_iter()
            .find(|indicator| indicator.as_str() == name)
            .ok_or_else(|| UnknownIndicator { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_files_are_those_of_serde() {
        for indicator in IndicatorName::ALL {
            let json = serde_json::to_string(&indicator).unwrap();
            assert_eq!(json, format!("\"{indicator}\""));
            assert_eq!(indicator.as_str().parse(), Ok(indicator));
        }
    }
}
