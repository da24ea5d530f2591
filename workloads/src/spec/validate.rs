//! From what a file says to what can be run: every problem at once, each with its place.

use std::fmt;
use std::time::Duration;

use super::{
    ArrivalSpec, BurstSpec, EventsSpec, LatenessLawSpec, LatenessSpec, MarketDataSpec, ShapeSpec,
    StepSpec, WorkloadSpec,
};
use crate::arrival::{Arrival, nanoseconds};
use crate::lateness::{Lateness, Law};

/// Most messages a trial may have; the oracle keeps a few bits for each.
pub const MESSAGES_MAX: u64 = 1_000_000_000;
/// Lowest rate, in messages a second (a step may also be 0).
pub const RATE_MIN: f64 = 0.001;
/// Highest rate, in messages a second.
pub const RATE_MAX: f64 = 10_000_000.0;
/// Shortest payload: the fields of schema version 2 without padding.
pub const PAYLOAD_BYTES_MIN: u32 = 200;
/// Longest payload: fits Kafka's default limit of 1 MiB with its header.
pub const PAYLOAD_BYTES_MAX: u32 = 1_000_000;
/// Most symbols.
pub const SYMBOLS_MAX: u32 = 100_000;
/// Longest duration of a lateness law's parameter.
pub const DURATION_MAX: Duration = Duration::from_secs(86_400);
const CHANGES_MAX: usize = 1_000;

/// Something wrong in a scenario: where, and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field, for instance `workload.arrival.rate_per_s`.
    pub path: String,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path, self.message)
    }
}

/// A workload known to be sound: what [`crate::Generator`] is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Workload {
    pub(crate) market: MarketDataSpec,
    pub(crate) arrival: Arrival,
    pub(crate) payload_bytes: usize,
    pub(crate) lateness: Option<Lateness>,
    pub(crate) schema_change_ns: Option<u64>,
    load: Duration,
    total: u64,
}

impl Workload {
    /// The plan of intended send times.
    #[must_use]
    pub fn arrival(&self) -> &Arrival {
        &self.arrival
    }

    /// Length of the load.
    #[must_use]
    pub fn load(&self) -> Duration {
        self.load
    }

    /// Number of messages due within the load.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Number of symbols, which is the number of keys.
    #[must_use]
    pub fn symbols(&self) -> u32 {
        self.market.symbols
    }

    /// Length of a payload in bytes.
    #[must_use]
    pub fn payload_bytes(&self) -> usize {
        self.payload_bytes
    }

    /// The payload's schema version for messages intended at this time from the load's start.
    #[must_use]
    pub fn schema_version_at_ns(&self, intended_ns: u64) -> u8 {
        if self.schema_change_ns.is_some_and(|change| intended_ns >= change) { 2 } else { 1 }
    }
}

impl WorkloadSpec {
    /// Checks everything against a load of this length.
    ///
    /// # Errors
    /// Every problem found, each with the path of its field and what is allowed there.
    pub fn validate(&self, load: Duration) -> Result<Workload, Vec<Problem>> {
        let mut problems = Problems { load, list: Vec::new() };
        let EventsSpec::MarketData(market) = &self.events;
        problems.market("workload.events.market_data", market);
        let arrival = problems.arrival("workload.arrival", &self.arrival);
        problems.whole(
            "workload.payload_bytes",
            self.payload_bytes,
            PAYLOAD_BYTES_MIN,
            PAYLOAD_BYTES_MAX,
        );
        let lateness = self.lateness.as_ref().map(|late| problems.lateness(late));
        if let Some(change) = &self.schema_change {
            problems.within_load("workload.schema_change.at", change.at);
        }
        let Some(arrival) = arrival.filter(|_| problems.list.is_empty()) else {
            return Err(problems.list);
        };
        Ok(Workload {
            market: market.clone(),
            total: arrival.total(load),
            arrival,
            payload_bytes: self.payload_bytes as usize,
            lateness: lateness.flatten(),
            schema_change_ns: self.schema_change.as_ref().map(|change| nanoseconds(change.at)),
            load,
        })
    }
}

struct Problems {
    load: Duration,
    list: Vec<Problem>,
}

impl Problems {
    fn add(&mut self, path: impl Into<String>, message: String) {
        self.list.push(Problem { path: path.into(), message });
    }

    /// True if a number is finite and within bounds.
    fn number(&mut self, path: &str, value: f64, least: f64, most: f64) -> bool {
        let sound = value >= least && value <= most;
        if !sound {
            self.add(path, format!("{value} is not allowed; allowed: {least} to {most}"));
        }
        sound
    }

    fn whole(&mut self, path: &str, value: u32, least: u32, most: u32) {
        if !(least..=most).contains(&value) {
            self.add(path, format!("{value} is not allowed; allowed: {least} to {most}"));
        }
    }

    fn within_load(&mut self, path: &str, at: Duration) -> bool {
        let sound = at < self.load;
        if !sound {
            let (at, load) = (text(at), text(self.load));
            self.add(
                path,
                format!("{at} is not before the end of the load; allowed: below {load}"),
            );
        }
        sound
    }

    fn parameter(&mut self, path: &str, value: Duration) -> bool {
        let sound = !value.is_zero() && value <= DURATION_MAX;
        if !sound {
            let (value, most) = (text(value), text(DURATION_MAX));
            self.add(path, format!("{value} is not allowed; allowed: more than 0s, up to {most}"));
        }
        sound
    }

    fn market(&mut self, path: &str, market: &MarketDataSpec) {
        self.whole(&format!("{path}.symbols"), market.symbols, 1, SYMBOLS_MAX);
        self.number(&format!("{path}.correlation"), market.correlation, 0.0, 1.0);
        self.number(&format!("{path}.volatility"), market.volatility, 0.0, 2.0);
        self.number(&format!("{path}.skew"), market.skew, 0.0, 4.0);
    }

    fn arrival(&mut self, path: &str, spec: &ArrivalSpec) -> Option<Arrival> {
        let before = self.list.len();
        let rate = spec.rate_per_s;
        if self.load.is_zero() {
            self.add(path, "the load is 0s long; allowed: more than 0s".to_owned());
        }
        self.number(&format!("{path}.rate_per_s"), rate, RATE_MIN, RATE_MAX);
        let mut changes = vec![(Duration::ZERO, rate)];
        match &spec.shape {
            ShapeSpec::Constant => {}
            ShapeSpec::Steps(steps) => {
                self.steps(&format!("{path}.shape.steps"), steps, &mut changes)
            }
            ShapeSpec::Bursts(bursts) => {
                self.bursts(&format!("{path}.shape.bursts"), rate, bursts, &mut changes);
            }
        }
        if self.list.len() > before {
            return None;
        }
        let arrival = Arrival::from_changes(&changes);
        let total = arrival.total(self.load);
        if total > MESSAGES_MAX {
            let load = text(self.load);
            let message = format!("{total} messages in {load}; allowed: up to {MESSAGES_MAX}");
            self.add(path, message);
        }
        Some(arrival)
    }

    fn list_length(&mut self, path: &str, length: usize) {
        if !(1..=CHANGES_MAX).contains(&length) {
            self.add(path, format!("{length} entries; allowed: 1 to {CHANGES_MAX}"));
        }
    }

    fn steps(&mut self, path: &str, steps: &[StepSpec], changes: &mut Vec<(Duration, f64)>) {
        self.list_length(path, steps.len());
        let mut earliest = Duration::ZERO;
        for (index, step) in steps.iter().enumerate().take(CHANGES_MAX) {
            let path = format!("{path}[{index}]");
            self.within_load(&format!("{path}.at"), step.at);
            if index > 0 && step.at <= earliest {
                let (at, after) = (text(step.at), text(earliest));
                self.add(
                    format!("{path}.at"),
                    format!("{at} is not after the step before it; allowed: more than {after}"),
                );
            }
            earliest = step.at;
            if step.rate_per_s != 0.0 {
                self.number(&format!("{path}.rate_per_s"), step.rate_per_s, RATE_MIN, RATE_MAX);
            }
            changes.push((step.at, step.rate_per_s));
        }
    }

    fn bursts(
        &mut self,
        path: &str,
        rate: f64,
        bursts: &[BurstSpec],
        changes: &mut Vec<(Duration, f64)>,
    ) {
        self.list_length(path, bursts.len());
        let mut free_from = Duration::ZERO;
        for (index, burst) in bursts.iter().enumerate().take(CHANGES_MAX) {
            let path = format!("{path}[{index}]");
            let end = burst.at.saturating_add(burst.r#for);
            self.burst_times(&path, burst, end, free_from);
            let factor_path = format!("{path}.factor");
            let most = if rate > 0.0 { RATE_MAX / rate } else { RATE_MAX };
            let least = if rate > 0.0 { RATE_MIN / rate } else { RATE_MIN };
            self.number(&factor_path, burst.factor, least.min(1.0), most.max(1.0));
            free_from = end;
            changes.push((burst.at, rate * burst.factor));
            changes.push((end, rate));
        }
    }

    fn burst_times(&mut self, path: &str, burst: &BurstSpec, end: Duration, free_from: Duration) {
        if burst.at < free_from {
            let (at, after) = (text(burst.at), text(free_from));
            self.add(
                format!("{path}.at"),
                format!("{at} is before the end of the burst before it; allowed: {after} or later"),
            );
        }
        if burst.r#for.is_zero() {
            let message = "0s ends before it starts; allowed: more than 0s".to_owned();
            self.add(format!("{path}.for"), message);
        }
        if self.within_load(&format!("{path}.at"), burst.at) && end > self.load {
            let (end, longest) = (text(end), text(self.load.saturating_sub(burst.at)));
            self.add(
                format!("{path}.for"),
                format!("the burst ends at {end}, after the load; allowed: up to {longest}"),
            );
        }
    }

    fn lateness(&mut self, spec: &LatenessSpec) -> Option<Lateness> {
        let path = "workload.lateness";
        let share_sound = self.number(&format!("{path}.share"), spec.share, 0.0, 1.0);
        let (law_sound, law) = match &spec.law {
            LatenessLawSpec::LogNormal(law) => {
                let path = format!("{path}.law.lognormal");
                let median = self.parameter(&format!("{path}.median"), law.median);
                let sigma = self.number(&format!("{path}.sigma"), law.sigma, 0.0, 5.0);
                let law = Law::LogNormal { median_us: micros(law.median), sigma: law.sigma };
                (median && sigma, law)
            }
            LatenessLawSpec::Exponential(law) => {
                let path = format!("{path}.law.exponential");
                let mean = self.parameter(&format!("{path}.mean"), law.mean);
                (mean, Law::Exponential { mean_us: micros(law.mean) })
            }
            LatenessLawSpec::Pareto(law) => {
                let path = format!("{path}.law.pareto");
                let scale = self.parameter(&format!("{path}.scale"), law.scale);
                let shape = self.number(&format!("{path}.shape"), law.shape, 0.1, 100.0);
                let law = Law::Pareto { scale_us: micros(law.scale), shape: law.shape };
                (scale && shape, law)
            }
        };
        (share_sound && law_sound).then_some(Lateness { share: spec.share, law })
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e3
}

fn text(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

#[cfg(test)]
mod tests;
