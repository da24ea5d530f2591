//! An observation made safe: every number finite and not negative, or absent.

use std::time::Duration;

use super::{ClientSettings, Observation, seconds};

/// Largest rate believed, so that sums stay finite.
const RATE_MAX: f64 = 1e12;

/// The observation as strategies read it.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) at: Duration,
    pub(super) partitions: Option<u32>,
    pub(super) lag_records: Option<f64>,
    pub(super) lag_time_s: Option<f64>,
    /// Arrivals over the rate window; the processed rate stands in where lag is not visible.
    pub(super) arrival_per_s: Option<f64>,
    pub(super) arrival_recent_per_s: Option<f64>,
    pub(super) processed_per_s: Option<f64>,
    pub(super) busy_share: Option<f64>,
    pub(super) reports_busy_time: bool,
    pub(super) service_s: Option<f64>,
    pub(super) arrival_variability: f64,
    pub(super) service_variability: f64,
    pub(super) p99_s: Option<f64>,
    pub(super) current: u32,
    pub(super) ready: u32,
    /// Records that are behind beyond what healthy workers have in hand.
    pub(super) backlog: f64,
    /// Whether lag or arrivals are missing, so that shrinking would be a guess.
    pub(super) partial: bool,
}

impl Seen {
    pub(super) fn new(observation: &Observation, client: &ClientSettings) -> Self {
        let measured = usable(observation.arrival_rate_per_s);
        let processed_per_s = usable(observation.processed_rate_per_s);
        let arrival_per_s = measured.or(processed_per_s);
        let lag_records = usable(observation.lag_records.map(|lag| lag as f64));
        let in_hand = arrival_per_s.unwrap_or(0.0) * seconds(client.in_hand());
        Self {
            at: observation.at,
            partitions: observation.partitions.filter(|partitions| *partitions > 0),
            lag_records,
            lag_time_s: observation.lag_time.map(seconds),
            arrival_per_s,
            arrival_recent_per_s: usable(observation.arrival_rate_recent_per_s),
            processed_per_s,
            busy_share: usable(observation.busy_share),
            reports_busy_time: observation.reports_busy_time,
            service_s: usable(observation.service_time_s).filter(|s| (1e-7..=3600.0).contains(s)),
            arrival_variability: variability(observation.arrival_variability),
            service_variability: variability(observation.service_variability),
            p99_s: observation.p99_latency.map(seconds),
            current: observation.replicas,
            ready: observation.ready_replicas,
            backlog: (lag_records.unwrap_or(0.0) - in_hand).max(0.0),
            partial: measured.is_none() || lag_records.is_none(),
        }
    }

    /// Nothing to size by: neither arrivals nor any lag above zero is known.
    pub(super) fn is_blind(&self) -> bool {
        self.arrival_per_s.is_none() && self.lag_records.is_none()
    }

    pub(super) fn blindness(&self, observation: &Observation) -> String {
        if observation.missing.is_empty() {
            "neither lag nor rates are known".to_owned()
        } else {
            observation.missing.join("; ")
        }
    }

    /// Arrivals over the window, zero when unknown.
    pub(super) fn arrival(&self) -> f64 {
        self.arrival_per_s.unwrap_or(0.0)
    }

    /// The larger of the window's and the last interval's arrivals.
    pub(super) fn arrival_now(&self) -> f64 {
        self.arrival().max(self.arrival_recent_per_s.unwrap_or(0.0))
    }

    /// Share of the arrivals that the busiest of `workers` gets: whole partitions only.
    pub(super) fn busiest_share(&self, workers: u32) -> Option<f64> {
        let partitions = self.partitions?;
        Some(f64::from(partitions.div_ceil(workers.max(1))) / f64::from(partitions))
    }
}

fn usable(value: Option<f64>) -> Option<f64> {
    value.filter(|value| value.is_finite() && *value >= 0.0).map(|value| value.min(RATE_MAX))
}

fn variability(value: Option<f64>) -> f64 {
    usable(value).map_or(1.0, |value| value.min(100.0))
}
