//! The law of recovery, on series drawn by hand.

use super::*;

const THRESHOLDS: Thresholds = Thresholds { p99_ms: 100.0, lag_records: 1_000 };

/// A series drawn by hand, one sign a second from 0 s: `.` calm, `#` slow, `L` lagging, `0`
/// without results, `?` lag unknown, `-` nothing sent.
fn drawn(picture: &str) -> Vec<SeriesRow> {
    let row = |(second, sign): (usize, char)| SeriesRow {
        t_s: second as f64 + 1.0,
        offered: if sign == '-' { 0.0 } else { 100.0 },
        response_p99_ms: match sign {
            '#' => Some(500.0 + second as f64),
            '0' | '-' => None,
            _ => Some(20.0),
        },
        out_of_objective: if sign == '#' { 10 } else { 0 },
        lag_records: (sign != '?').then_some(if sign == 'L' { 5_000 } else { 10 }),
        ..SeriesRow::default()
    };
    picture.chars().enumerate().map(row).collect()
}

fn measured(picture: &str, fault: FaultTimes, signs: &[Sign], stalls: &[Stall]) -> Recovery {
    let series = drawn(picture);
    let load_s = picture.trim_end_matches('-').len() as f64;
    let observed = Observed { series: &series, signs, stalls, load_s };
    Recovery::measure(&observed, &fault, &["node-1".to_owned()], &THRESHOLDS)
}

fn fault(installed_s: f64, healed_s: f64) -> FaultTimes {
    FaultTimes { installed_s, healed_s, next_s: None }
}

fn recovery(picture: &str, installed_s: f64, healed_s: f64) -> Option<f64> {
    measured(picture, fault(installed_s, healed_s), &[], &[]).total_s
}

#[test]
fn a_fault_that_nobody_felt_has_a_recovery_of_zero() {
    assert_eq!(recovery("..........", 3.0, 6.0), Some(0.0));
    assert_eq!(recovery("....--....", 3.0, 6.0), Some(0.0));
}

#[test]
fn what_begins_with_the_next_fault_is_not_this_ones() {
    let until = |next_s| {
        let fault = FaultTimes { next_s, ..fault(3.0, 5.0) };
        measured("...#...##...", fault, &[], &[]).total_s
    };
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
    for picture in ["", ".."] {
        assert_eq!(measured(picture, fault(3.0, 5.0), &[], &[]), Recovery::default());
    }
}

#[test]
fn restoring_and_draining_are_told_apart() {
    // Slow for 2 s, lagging until 4 s after that.
    let both = measured("...##LLLL....", fault(3.0, 6.0), &[], &[]);
    assert_eq!((both.total_s, both.restore_s, both.drain_s), (Some(6.0), Some(2.0), Some(6.0)));
    let slow = measured("...##........", fault(3.0, 6.0), &[], &[]);
    assert_eq!((slow.total_s, slow.restore_s, slow.drain_s), (Some(2.0), Some(2.0), Some(0.0)));
    // Silence after the load is calm, but not while a backlog waits.
    let mut series = drawn("...##----");
    series[5..].iter_mut().for_each(|row| row.lag_records = Some(5_000));
    let observed = Observed { series: &series, signs: &[], stalls: &[], load_s: 5.0 };
    let silent = Recovery::measure(&observed, &fault(3.0, 6.0), &[], &THRESHOLDS);
    assert_eq!((silent.total_s, silent.restore_s, silent.drain_s), (None, None, None));
    // Restored, but never drained.
    let stuck = measured("...##LLLLLLLL", fault(3.0, 6.0), &[], &[]);
    assert_eq!((stuck.total_s, stuck.restore_s, stuck.drain_s), (None, Some(2.0), None));
}

#[test]
fn messages_count_from_installation_to_the_end_of_the_last_episode() {
    // Seconds 3, 4 and 5, and the hiccup at 14 s, but not the one before the fault.
    let found = measured("#..###........#...", fault(3.5, 14.0), &[], &[]);
    assert_eq!((found.out_of_objective, found.worst_p99_ms), (40, Some(514.0)));
    // The second in which the next fault comes is the next fault's.
    let cut = FaultTimes { next_s: Some(5.5), ..fault(3.5, 14.0) };
    let found = measured("#..###........#...", cut, &[], &[]);
    assert_eq!((found.out_of_objective, found.worst_p99_ms), (20, Some(504.0)));
}

#[test]
fn the_first_sign_about_a_target_detects() {
    let sign =
        |at_s, kind, about: Option<&str>| Sign { at_s, kind, about: about.map(str::to_owned) };
    let signs = [
        sign(2.9, SignKind::Decision, None),
        sign(3.5, SignKind::NodeNotReady, Some("node-2")),
        sign(6.0, SignKind::Decision, None),
        sign(5.25, SignKind::NodeNotReady, Some("node-1")),
    ];
    let found = measured("...######...", fault(3.0, 9.0), &signs, &[]);
    assert_eq!(found.detect_s, Some(2.25));
    assert_eq!(found.detected_by, Some(SignKind::NodeNotReady));
    // After the fault's time nothing is a sign of it.
    let found = measured("...#........", fault(3.0, 4.0), &signs[2..], &[]);
    assert_eq!((found.detect_s, found.detected_by), (None, None));
}

#[test]
fn standing_still_is_a_share_of_the_faults_time_under_load() {
    // The fault's time is 3 s to 8 s, the load ends at 7 s: 1 s of the first stall and 1.5 s of
    // the second lie within, of 4 s.
    let stalls = [Stall { start_s: 2.0, end_s: 4.0 }, Stall { start_s: 5.5, end_s: 7.5 }];
    let found = measured("...#0##-----", fault(3.0, 8.0), &[], &stalls);
    assert_eq!(found.no_progress_share, 0.625);
    let without = |healed_s| measured("...#...", fault(3.0, healed_s), &[], &[]).no_progress_share;
    assert_eq!((without(3.0), without(5.0).to_string()), (0.0, "0".to_owned()));
}

#[test]
fn the_worst_of_all_faults_counts_and_one_without_end_is_worse_than_any() {
    let recovery = |total_s, detect_s| Recovery { total_s, detect_s, ..Recovery::default() };
    let worst = |recoveries: &[Recovery]| {
        let worst = Worst::of(recoveries.iter());
        (worst.total_s, worst.detect_s)
    };
    assert_eq!(worst(&[]), (None, None));
    let felt = recovery(Some(4.0), Some(1.0));
    assert_eq!(worst(&[felt.clone(), recovery(Some(2.0), Some(3.0))]), (Some(4.0), Some(3.0)));
    assert_eq!(worst(&[felt.clone(), recovery(None, Some(3.0))]), (None, Some(3.0)));
    // Neither felt nor noticed, and felt but not noticed.
    assert_eq!(worst(&[felt.clone(), recovery(Some(0.0), None)]), (Some(4.0), Some(1.0)));
    assert_eq!(worst(&[felt, recovery(Some(2.0), None)]), (Some(4.0), None));
}
