//! Disturbed seconds, and the episodes that they form.

use crate::series::{SeriesRow, intervals};

/// Undisturbed seconds in a row that end an episode.
const CALM_ROWS: usize = 2;
/// How long after healing an episode may begin and still be the fault's, in seconds.
const AFTERMATH_S: f64 = 5.0;

/// What disturbs a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The response p99 exceeds the objective, or nothing came of what was offered or waited.
    Slow,
    /// The lag exceeds the threshold.
    Lagging,
    /// Either.
    Either,
}

/// When a fault came and went, in seconds from load start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaultTimes {
    /// When it was installed.
    pub installed_s: f64,
    /// When it was healed; the same as `installed_s` when it was not.
    pub healed_s: f64,
    /// When the next fault was installed.
    pub next_s: Option<f64>,
}

/// What is still within bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// The objective for the response p99, in milliseconds.
    pub p99_ms: f64,
    /// The lag that is no backlog yet, in records.
    pub lag_records: u64,
}

/// How long a fault was felt.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Felt {
    /// The longer of installation → end of its last episode and healing → end of the healing's;
    /// 0 without an episode, absent when one is open at the end of the series.
    pub(super) longest_s: Option<f64>,
    /// The end of its last episode, seconds from load start; absent without one.
    pub(super) until_s: Option<f64>,
}

/// How long the fault was felt by `trouble`; `None` when the series does not reach the fault.
pub(super) fn felt(
    series: &[SeriesRow],
    fault: &FaultTimes,
    thresholds: &Thresholds,
    trouble: Trouble,
) -> Option<Felt> {
    let last = series.last().filter(|row| row.t_s > fault.installed_s)?;
    let mut felt = Felt { longest_s: Some(0.0), until_s: None };
    for episode in episodes(series, thresholds, trouble) {
        let ends_before = episode.end_s.is_some_and(|end_s| end_s <= fault.installed_s);
        // Rows are seconds: the one in which the next fault comes is the next fault's.
        let of_next = fault.next_s.is_some_and(|next_s| next_s < episode.start_s + 1.0);
        if ends_before || of_next || episode.start_s > fault.healed_s + AFTERMATH_S {
            continue;
        }
        let by_healing = episode.start_s >= fault.healed_s;
        let cause_s = if by_healing { fault.healed_s } else { fault.installed_s };
        let lasted_s = episode.end_s.map(|end_s| end_s - cause_s);
        felt.longest_s = felt.longest_s.zip(lasted_s).map(|(longest, lasted)| longest.max(lasted));
        felt.until_s = Some(episode.end_s.unwrap_or(last.t_s));
    }
    Some(felt)
}

/// A stretch of disturbed seconds.
struct Episode {
    start_s: f64,
    /// Absent when it is still open at the end of the series.
    end_s: Option<f64>,
}

fn episodes(series: &[SeriesRow], thresholds: &Thresholds, trouble: Trouble) -> Vec<Episode> {
    let mut episodes: Vec<Episode> = Vec::new();
    let mut calm_rows = CALM_ROWS;
    let mut calm_from_s = 0.0;
    let mut lag = 0;
    for (start_s, row) in intervals(series) {
        lag = row.lag_records.unwrap_or(lag);
        let lagging = lag > thresholds.lag_records;
        let slow = match row.response_p99_ms {
            Some(p99_ms) => p99_ms > thresholds.p99_ms,
            // Silence is calm only when nothing is owed.
            None => row.offered > 0.0 || lagging,
        };
        let disturbed = match trouble {
            Trouble::Slow => slow,
            Trouble::Lagging => lagging,
            Trouble::Either => slow || lagging,
        };
        if disturbed {
            if calm_rows >= CALM_ROWS {
                episodes.push(Episode { start_s, end_s: None });
            }
            calm_rows = 0;
            calm_from_s = row.t_s;
        } else {
            calm_rows += 1;
            if calm_rows == CALM_ROWS
                && let Some(open) = episodes.last_mut()
            {
                open.end_s = Some(calm_from_s);
            }
        }
    }
    episodes
}
