//! How long a fault was felt.
//!
//! **The law.** A second is *disturbed* when its response p99 exceeds the objective, when the lag
//! exceeds the threshold, or when messages were scheduled but no result was observed. (A lag that
//! could not be read is taken to be the last one read.) Disturbed seconds form one *episode* until two
//! undisturbed seconds follow each other; the episode ends where those two begin.
//!
//! A fault disturbs twice: when it is installed and when it is healed. An episode that is under
//! way or begins between the two is the installation's, and one that begins within the 5 s from
//! healing is the healing's; later ones are not this fault's, nor are those that begin in or after
//! the second in which the next fault is installed. Recovery is the longer of: installation → end
//! of its last episode, healing → end of the healing's last episode. It is 0 when there is no
//! episode, and absent when an episode is still open at the end of the series.
//!
//! So a crash that the system absorbs in 6 s has a recovery of 6 s, even if the crashed node
//! returns at 20 s and causes a hiccup of 1 s; and a fault that is felt for as long as it lasts
//! has a recovery of its length and what comes after.

use crate::series::SeriesRow;

/// Undisturbed seconds in a row that end an episode.
const CALM_ROWS: usize = 2;
/// How long after healing an episode may begin and still be the fault's, in seconds.
const AFTERMATH_S: f64 = 5.0;

/// The recovery in seconds from a fault that was installed at `fault_start_s` and healed at
/// `fault_end_s`, when the next fault was installed at `next_start_s`, under an objective for the
/// response p99 and a threshold for the lag, by the law above. `None` when the system had not
/// recovered by the end of the series, or the series does not reach the fault.
pub fn recovery_s(
    series: &[SeriesRow],
    fault_start_s: f64,
    fault_end_s: f64,
    next_start_s: Option<f64>,
    objective_p99_ms: f64,
    lag_threshold: u64,
) -> Option<f64> {
    series.last().filter(|row| row.t_s > fault_start_s)?;
    let mut recovery = 0.0f64;
    for episode in episodes(series, objective_p99_ms, lag_threshold) {
        let ends_before = episode.end_s.is_some_and(|end_s| end_s <= fault_start_s);
        // Rows are seconds: the one in which the next fault comes is the next fault's.
        let of_next = next_start_s.is_some_and(|next_s| next_s < episode.start_s + 1.0);
        if ends_before || of_next || episode.start_s > fault_end_s + AFTERMATH_S {
            continue;
        }
        let cause_s = if episode.start_s < fault_end_s { fault_start_s } else { fault_end_s };
        recovery = recovery.max(episode.end_s? - cause_s);
    }
    Some(recovery)
}

/// A stretch of disturbed seconds.
struct Episode {
    start_s: f64,
    /// Absent when it is still open at the end of the series.
    end_s: Option<f64>,
}

fn episodes(series: &[SeriesRow], objective_p99_ms: f64, lag_threshold: u64) -> Vec<Episode> {
    let mut episodes: Vec<Episode> = Vec::new();
    let mut row_start_s = series.first().map_or(0.0, |row| row.t_s - 1.0);
    let mut calm_rows = CALM_ROWS;
    let mut calm_from_s = row_start_s;
    let mut lag = 0;
    for row in series {
        lag = row.lag_records.unwrap_or(lag);
        let slow = match row.response_p99_ms {
            Some(p99_ms) => p99_ms > objective_p99_ms,
            None => row.offered > 0.0,
        };
        if slow || lag > lag_threshold {
            if calm_rows >= CALM_ROWS {
                episodes.push(Episode { start_s: row_start_s, end_s: None });
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
        row_start_s = row.t_s;
    }
    episodes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A series drawn by hand, one sign a second from 0 s: `.` calm, `#` slow, `L` lagging, `0`
    /// without results, `?` lag unknown, `-` nothing sent.
    fn drawn(picture: &str) -> Vec<SeriesRow> {
        let row = |(second, sign): (usize, char)| SeriesRow {
            t_s: second as f64 + 1.0,
            offered: if sign == '-' { 0.0 } else { 100.0 },
            response_p99_ms: match sign {
                '#' => Some(500.0),
                '0' | '-' => None,
                _ => Some(20.0),
            },
            lag_records: (sign != '?').then_some(if sign == 'L' { 5_000 } else { 10 }),
            ..SeriesRow::default()
        };
        picture.chars().enumerate().map(row).collect()
    }

    fn recovery(picture: &str, start_s: f64, end_s: f64) -> Option<f64> {
        recovery_s(&drawn(picture), start_s, end_s, None, 100.0, 1_000)
    }

    #[test]
    fn a_fault_that_nobody_felt_has_a_recovery_of_zero() {
        assert_eq!(recovery("..........", 3.0, 6.0), Some(0.0));
        assert_eq!(recovery("....--....", 3.0, 6.0), Some(0.0));
    }

    #[test]
    fn what_begins_with_the_next_fault_is_not_this_ones() {
        let until = |next_s| recovery_s(&drawn("...#...##..."), 3.0, 5.0, next_s, 100.0, 1_000);
        assert_eq!(until(None), Some(4.0));
        assert_eq!(until(Some(7.5)), Some(1.0));
    }

    #[test]
    fn recovery_runs_from_landing_to_the_first_two_calm_seconds() {
        assert_eq!(recovery("...###....", 3.0, 9.0), Some(3.0));
        assert_eq!(recovery("...###....", 3.5, 9.0), Some(2.5));
        // The fault lands, and is felt only two seconds later.
        assert_eq!(recovery(".....##...", 3.0, 9.0), Some(4.0));
        // One calm second is a pause, not a recovery.
        assert_eq!(recovery("...#.#.#..", 3.0, 9.0), Some(5.0));
    }

    #[test]
    fn lag_and_silence_disturb_as_slow_responses_do() {
        assert_eq!(recovery("...LL.....", 3.0, 6.0), Some(2.0));
        assert_eq!(recovery("...000....", 3.0, 6.0), Some(3.0));
        assert_eq!(recovery("...#LL....", 3.0, 6.0), Some(3.0));
        // An unknown lag is the last known one: still above, and still below.
        assert_eq!(recovery("...L??....", 3.0, 6.0), Some(3.0));
        assert_eq!(recovery("...#??....", 3.0, 6.0), Some(1.0));
    }

    #[test]
    fn without_two_calm_seconds_before_the_end_there_is_no_recovery() {
        assert_eq!(recovery("...#######", 3.0, 6.0), None);
        assert_eq!(recovery("...######.", 3.0, 6.0), None);
        assert_eq!(recovery("...#####..", 3.0, 6.0), Some(5.0));
        assert_eq!(recovery("...#.#.#.#", 3.0, 6.0), None);
    }

    #[test]
    fn a_hiccup_at_healing_is_measured_from_healing() {
        assert_eq!(recovery("...##.........#....", 3.0, 14.0), Some(2.0));
        assert_eq!(recovery("...##.........####..", 3.0, 14.0), Some(4.0));
    }

    #[test]
    fn a_relapse_under_the_fault_is_measured_from_landing() {
        assert_eq!(recovery("...##....##...", 3.0, 12.0), Some(8.0));
    }

    #[test]
    fn episodes_of_other_causes_do_not_count() {
        // Over before the fault, and long after its healing.
        assert_eq!(recovery("##..........", 3.0, 5.0), Some(0.0));
        assert_eq!(recovery("..............##..", 3.0, 5.0), Some(0.0));
        assert_eq!(recovery("..............####", 3.0, 5.0), Some(0.0));
    }

    #[test]
    fn a_series_that_does_not_reach_the_fault_shows_nothing() {
        assert_eq!(recovery("", 3.0, 5.0), None);
        assert_eq!(recovery("..", 3.0, 5.0), None);
    }
}
