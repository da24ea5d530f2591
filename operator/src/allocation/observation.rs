//! What was seen of a job at one moment.

use std::time::Duration;

/// What was seen of a job. Values that could not be observed are `None`, and `missing` says why
/// in words. Nothing here is trusted: allocation treats negative and non-finite numbers as
/// missing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Observation {
    /// Time of the observation on a clock that only goes forward.
    pub at: Duration,
    /// Partitions of the source.
    pub partitions: Option<u32>,
    /// Records produced but not yet committed by the group, over all partitions.
    pub lag_records: Option<u64>,
    /// Age of the oldest record not yet committed.
    pub lag_time: Option<Duration>,
    /// Records arriving in a second, over the rate window.
    pub arrival_rate_per_s: Option<f64>,
    /// Records arriving in a second, over the last interval only.
    pub arrival_rate_recent_per_s: Option<f64>,
    /// Records processed in a second, over the rate window.
    pub processed_rate_per_s: Option<f64>,
    /// Share of time the workers were busy, averaged over them.
    pub busy_share: Option<f64>,
    /// Whether workers report busy time: then what a worker can do becomes known with the next
    /// looks, and must not be guessed from what it happened to do.
    pub reports_busy_time: bool,
    /// Busy time for one record, in seconds.
    pub service_time_s: Option<f64>,
    /// Squared coefficient of variation of the times between arrivals; 1 where unknown.
    pub arrival_variability: Option<f64>,
    /// Squared coefficient of variation of service times; 1 where unknown.
    pub service_variability: Option<f64>,
    /// 99th percentile of response time over the last interval.
    pub p99_latency: Option<Duration>,
    /// Workers asked for at present.
    pub replicas: u32,
    /// Workers ready at present.
    pub ready_replicas: u32,
    /// What could not be observed, and why.
    pub missing: Vec<String>,
}
