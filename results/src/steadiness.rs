//! Whether a trial had a baseline: was it warm when it was said to be, did it stay as it was, and
//! how well is its p99 known?
//!
//! Judged is the course of the response p99 by seconds, in logarithms, over the steady phase: from
//! the end of the planned warm-up to the first burst or fault.
//!
//! **Steady or not.** The phase is parted in two, once in the middle and once where MSER-5 (White,
//! Cobb and Spratt, "A comparison of five steady-state truncation heuristics", Winter Simulation
//! Conference 2000) says that the warm-up ended. It is unsteady if, for one of these, the levels of
//! both parts differ both by a factor of 2 or more and by more than chance, for which the noise is
//! taken to be autocorrelated as it is seen to be. Under 30 seconds nothing is said. Of synthetic
//! steady phases of 30 to 120 s, independent and AR(1) with ρ = 0.5 and 0.8, with noise of 10 % and
//! 30 %, at most 0.5 % are called unsteady (4,000 of each); of phases of 40 s with a warm-up of
//! 10 s at ten times the level, with a drift to five times it, or with a jump to five times it, at
//! least 97 %, 89 % and 95 % are found out.
//!
//! **The p99 and its interval.** Order statistics at 95 %, over as many independent responses as
//! there effectively were, widened by the histogram's buckets.

use serde::{Deserialize, Serialize};

use crate::latencies::Latencies;
use crate::series::{SeriesRow, intervals};
use crate::statistics::correlation::{effective_samples, lag1};
use crate::statistics::quantile_ranks;
use crate::statistics::warm_up::mser5;

mod shift;

/// The fewest seconds of which anything is said.
pub const STEADY_SECONDS_MIN: usize = 30;
/// The share of all trials in which the interval of the p99 holds it.
pub const CONFIDENCE: f64 = 0.95;
/// How far the levels of two parts of a steady phase may lie apart, as a factor.
pub const LEVEL_RATIO_MAX: f64 = 2.0;
/// Rows end a little after the full second.
const LATE_S: f64 = 0.1;

/// Whether the steady phase was steady, and what it says about the p99.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Steadiness {
    /// Seconds of the steady phase in which results were observed: what all of this is about.
    pub seconds: u64,
    /// Whether it was steady.
    pub state: SteadyState,
    /// Of the two ways to part the phase, the larger factor between the levels of the response
    /// p99 in both parts, later over earlier; absent when too short.
    pub level_ratio: Option<f64>,
    /// The end of the warm-up that the scenario plans, seconds from load start.
    pub warm_up_planned_s: f64,
    /// The end of the warm-up that MSER-5 finds in the response p99 from load start to the end of
    /// the steady phase, seconds from load start. Absent when that is too short, or has not
    /// settled in its first half.
    pub warm_up_found_s: Option<f64>,
    /// Lag-1 autocorrelation of the response p99 by seconds; absent when too short.
    pub autocorrelation: Option<f64>,
    /// As many independent seconds would tell as much; absent when too short.
    pub effective_seconds: Option<f64>,
    /// The p99 of the response time in the steady phase; absent without results or when too short.
    pub p99: Option<SteadyP99>,
}

/// Whether a steady phase was steady.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SteadyState {
    /// Nothing shows that its level changed.
    Steady,
    /// Its level changed.
    Unsteady,
    /// It is too short to say.
    TooShort,
}

/// A p99 with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SteadyP99 {
    /// Responses.
    pub responses: u64,
    /// As many independent responses would tell as much.
    pub effective_responses: f64,
    /// The estimate, in milliseconds.
    pub value_ms: f64,
    /// The lower end of the interval at 95 %, in milliseconds; absent when no response bounds it.
    pub low_ms: Option<f64>,
    /// The upper end, in milliseconds; absent when no response bounds it.
    pub high_ms: Option<f64>,
}

impl Steadiness {
    /// Judges a trial by its `series`, with the planned warm-up until `warm_up_s`, the steady
    /// phase from there to `steady_end_s` (seconds from load start), and the `response` times of
    /// that phase.
    pub fn measure(
        series: &[SeriesRow],
        warm_up_s: f64,
        steady_end_s: f64,
        response: &Latencies,
    ) -> Steadiness {
        let known = levels(series, 0.0, steady_end_s);
        let steady: Vec<f64> = known
            .iter()
            .filter(|l| l.start_s >= warm_up_s - LATE_S)
            .map(|level| level.ln)
            .collect();
        let mut found = Steadiness {
            seconds: steady.len() as u64,
            state: SteadyState::TooShort,
            level_ratio: None,
            warm_up_planned_s: warm_up_s,
            warm_up_found_s: None,
            autocorrelation: None,
            effective_seconds: None,
            p99: None,
        };
        if steady.len() < STEADY_SECONDS_MIN {
            return found;
        }
        let all: Vec<f64> = known.iter().map(|level| level.ln).collect();
        let warm_up = mser5(&all).filter(|warm_up| warm_up.settled).map(|warm_up| warm_up.rows);
        let not_steady = known.len() - steady.len();
        let cuts = [Some(steady.len() / 2), warm_up.and_then(|rows| rows.checked_sub(not_steady))];
        let shifts: Vec<shift::Shift> =
            cuts.into_iter().flatten().filter_map(|cut| shift::at(&steady, cut)).collect();
        let is_large = |shift: &shift::Shift| shift.difference.abs() >= LEVEL_RATIO_MAX.ln();
        let is_unsteady = shifts.iter().any(|shift| shift.is_real() && is_large(shift));
        found.state = if is_unsteady { SteadyState::Unsteady } else { SteadyState::Steady };
        found.level_ratio = shifts
            .iter()
            .map(|shift| shift.difference)
            .max_by(|left, right| left.abs().total_cmp(&right.abs()))
            .map(f64::exp);
        found.warm_up_found_s = warm_up.and_then(|rows| Some(known.get(rows)?.start_s.max(0.0)));
        found.autocorrelation = lag1(&steady);
        let effective = effective_samples(&steady).clamp(1.0, steady.len() as f64);
        found.effective_seconds = Some(effective);
        found.p99 = p99(response, effective / steady.len() as f64);
        found
    }
}

/// The response p99 of a second.
struct Level {
    start_s: f64,
    /// The logarithm of its milliseconds.
    ln: f64,
}

fn levels(series: &[SeriesRow], from_s: f64, to_s: f64) -> Vec<Level> {
    intervals(series)
        .filter(|(start_s, row)| *start_s >= from_s - LATE_S && row.t_s <= to_s + LATE_S)
        .filter_map(|(start_s, row)| {
            let ln = row.response_p99_ms?.max(1e-3).ln();
            Some(Level { start_s, ln })
        })
        .collect()
}

/// The p99 with its interval, of which a share of `effective` is independent.
fn p99(response: &Latencies, effective: f64) -> Option<SteadyP99> {
    let responses = response.count();
    let value_ms = response.quantile_ms(0.99)?;
    let independent = (responses as f64 * effective).max(1.0);
    let (low, high) = quantile_ranks(independent as u64, 0.99, CONFIDENCE);
    // Ranks among the independent ones, as shares, are ranks among all.
    let rank = |rank: u64| (rank as f64 / independent * responses as f64).round() as u64;
    let low_ms = low
        .and_then(|low| response.rank_bounds_us(rank(low).clamp(1, responses)))
        .map(|(low_us, _)| low_us as f64 / 1e3);
    let high_ms = high
        .and_then(|high| response.rank_bounds_us(rank(high).clamp(1, responses)))
        .map(|(_, high_us)| high_us as f64 / 1e3);
    Some(SteadyP99 { responses, effective_responses: independent, value_ms, low_ms, high_ms })
}

#[cfg(test)]
mod tests;
