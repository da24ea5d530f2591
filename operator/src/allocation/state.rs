//! What allocation remembers of a job between two decisions. Bounded.

use std::collections::VecDeque;
use std::time::Duration;

use super::seconds;
use super::seen::Seen;

/// Half-life of the remembered peak of arrivals.
const PEAK_HALF_LIFE_S: f64 = 300.0;
/// Weight of the newest service time in its moving average.
const SERVICE_WEIGHT: f64 = 0.3;
/// Least rate that says anything about what a worker can do.
const SHOWN_LEAST_PER_S: f64 = 0.001;
/// Actions remembered for the pace limits.
const ACTIONS_MAX: usize = 256;
/// Looks after which busy time is no longer waited for: workers may be stuck.
const LEARNING_LOOKS: u32 = 4;
/// Recommendations remembered for the stabilization window.
const RECOMMENDATIONS_MAX: usize = 1024;

/// Memory of one job. A new one makes the next decision a first decision.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    decided: bool,
    service_s: Option<f64>,
    /// Looks at which workers reported busy time, but not enough of it to tell a service time.
    looks_without_service: u32,
    shown_per_s: Option<f64>,
    peak_per_s: f64,
    peak_at: Duration,
    idle_since: Option<Duration>,
    lag: Option<(Duration, f64)>,
    recommendations: VecDeque<(Duration, u32)>,
    actions: VecDeque<(Duration, i64)>,
    last_action: Option<Duration>,
}

/// How much one worker can do, and how that is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Capacity {
    pub(super) per_s: f64,
    /// From busy time (the true rate of DS2); else the most a worker was seen to do, which is
    /// a lower bound.
    pub(super) from_busy_time: bool,
}

impl Capacity {
    pub(super) fn basis(self) -> &'static str {
        if self.from_busy_time { "by busy time" } else { "at least, no busy time known" }
    }
}

impl State {
    /// Takes in a new observation.
    pub(super) fn learn(&mut self, seen: &Seen) {
        match (seen.service_s, seen.processed_per_s) {
            (Some(sample), _) => {
                let kept = self.service_s.unwrap_or(sample);
                self.service_s = Some(kept + SERVICE_WEIGHT * (sample - kept));
            }
            (None, _) if seen.reports_busy_time => {
                self.looks_without_service = self.looks_without_service.saturating_add(1);
            }
            (None, Some(processed)) if seen.ready > 0 && processed >= SHOWN_LEAST_PER_S => {
                let shown = (processed / f64::from(seen.ready)).max(SHOWN_LEAST_PER_S);
                self.shown_per_s = Some(self.shown_per_s.unwrap_or(0.0).max(shown));
            }
            _ => {}
        }
        if let Some(arrival) = seen.arrival_per_s {
            let age_s = seconds(seen.at.saturating_sub(self.peak_at));
            self.peak_per_s = arrival.max(self.peak_per_s * 0.5_f64.powf(age_s / PEAK_HALF_LIFE_S));
            self.peak_at = self.peak_at.max(seen.at);
        }
        let idle = seen.arrival_per_s == Some(0.0) && seen.lag_records == Some(0.0);
        self.idle_since = if idle { self.idle_since.or(Some(seen.at)) } else { None };
    }

    pub(super) fn first_decision(&mut self) -> bool {
        !std::mem::replace(&mut self.decided, true)
    }

    pub(super) fn remember_lag(&mut self, seen: &Seen) {
        self.lag = seen.lag_records.map(|lag| (seen.at, lag));
    }

    /// What a worker can do; `None` until workers have worked.
    pub(super) fn capacity(&self) -> Option<Capacity> {
        let busy = self
            .service_s
            .map(|service_s| Capacity { per_s: 1.0 / service_s, from_busy_time: true });
        let shown = self.shown_per_s.map(|per_s| Capacity { per_s, from_busy_time: false });
        busy.or(shown)
    }

    /// Whether what a worker can do will be known in a moment, so that it need not be guessed.
    pub(super) fn is_learning(&self, seen: &Seen) -> bool {
        seen.reports_busy_time && self.looks_without_service < LEARNING_LOOKS
    }

    /// The remembered peak of arrivals, decayed to the last observation.
    pub(super) fn peak_per_s(&self) -> f64 {
        self.peak_per_s
    }

    /// How long there have been neither arrivals nor lag.
    pub(super) fn idle_for(&self, now: Duration) -> Option<Duration> {
        self.idle_since.map(|since| now.saturating_sub(since))
    }

    /// Records by which the lag grew in a second since the last decision; negative if it shrank.
    pub(super) fn lag_slope_per_s(&self, seen: &Seen) -> f64 {
        let (Some((before, lag_before)), Some(lag)) = (self.lag, seen.lag_records) else {
            return 0.0;
        };
        let elapsed_s = seconds(seen.at.saturating_sub(before));
        if elapsed_s < 0.001 { 0.0 } else { (lag - lag_before) / elapsed_s }
    }

    /// Remembers a recommendation and returns the largest within `window`. Only a falling
    /// sequence has to be kept: what a later and larger one hides can never be the maximum.
    pub(super) fn stabilized(
        &mut self,
        now: Duration,
        window: Duration,
        replicas: u32,
        current: u32,
    ) -> u32 {
        if self.recommendations.is_empty() {
            // What runs was somebody's recommendation, perhaps before a restart.
            self.recommendations.push_back((now, current));
        }
        while self.recommendations.back().is_some_and(|(_, kept)| *kept <= replicas) {
            self.recommendations.pop_back();
        }
        if self.recommendations.len() < RECOMMENDATIONS_MAX {
            self.recommendations.push_back((now, replicas));
        }
        while self.recommendations.front().is_some_and(|(at, _)| {
            self.recommendations.len() > 1 && now.saturating_sub(*at) >= window
        }) {
            self.recommendations.pop_front();
        }
        self.recommendations.front().map_or(replicas, |(_, largest)| *largest)
    }

    pub(super) fn since_last_action(&self, now: Duration) -> Option<Duration> {
        self.last_action.map(|at| now.saturating_sub(at))
    }

    /// Workers at the start of the last `period`, from the actions since.
    pub(super) fn replicas_at_start(&self, now: Duration, period: Duration, current: u32) -> u32 {
        let change: i64 = self
            .actions
            .iter()
            .filter(|(at, _)| now.saturating_sub(*at) < period)
            .map(|(_, change)| *change)
            .sum();
        u32::try_from(i64::from(current) - change).unwrap_or(0)
    }

    pub(super) fn record_action(&mut self, now: Duration, from: u32, to: u32) {
        if self.actions.len() == ACTIONS_MAX {
            self.actions.pop_front();
        }
        self.actions.push_back((now, i64::from(to) - i64::from(from)));
        // A start is no change of a running job: it must not hold up the first correction.
        if from > 0 {
            self.last_action = Some(now);
        }
    }
}
