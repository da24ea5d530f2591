//! Steady phases are called steady, and others not.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::*;

/// Rows of one second whose p99 is `level` milliseconds times lognormal AR(1) noise.
fn rows(
    seconds: usize,
    noise: f64,
    rho: f64,
    seed: u64,
    level: impl Fn(usize) -> f64,
) -> Vec<SeriesRow> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut normal = || {
        let (u, v): (f64, f64) = (random.random(), random.random());
        (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    };
    let mut state = normal();
    (0..seconds)
        .map(|second| {
            state = rho * state + (1.0 - rho * rho).sqrt() * normal();
            SeriesRow {
                t_s: second as f64 + 1.0,
                offered: 100.0,
                response_p99_ms: Some(level(second) * (noise * state).exp()),
                ..SeriesRow::default()
            }
        })
        .collect()
}

fn state_of(series: &[SeriesRow], warm_up_s: f64) -> Steadiness {
    Steadiness::measure(series, warm_up_s, series.len() as f64, &Latencies::new())
}

/// The share of steady phases that are called unsteady.
fn false_alarms(seconds: usize, noise: f64, rho: f64, phases: u64) -> f64 {
    let alarms = (0..phases)
        .filter(|seed| {
            let series = rows(seconds, noise, rho, *seed, |_| 20.0);
            state_of(&series, 0.0).state == SteadyState::Unsteady
        })
        .count();
    alarms as f64 / phases as f64
}

#[test]
fn a_steady_phase_is_called_unsteady_in_under_one_of_a_hundred() {
    for (seconds, noise, rho) in [(30, 0.3, 0.5), (30, 0.3, 0.8), (60, 0.3, 0.8), (60, 0.1, 0.0)] {
        let rate = false_alarms(seconds, noise, rho, 200);
        assert!(rate <= 0.01, "{seconds} s, noise {noise}, ρ {rho}: {rate}");
    }
}

#[test]
fn a_phase_that_warms_up_drifts_or_jumps_is_found_out() {
    let caught = |level: fn(usize) -> f64| {
        let alarm = |seed: &u64| {
            state_of(&rows(40, 0.1, 0.5, *seed, level), 0.0).state == SteadyState::Unsteady
        };
        (0..40).filter(alarm).count()
    };
    let warming = caught(|second| if second < 10 { 200.0 } else { 20.0 });
    let drifting = caught(|second| 20.0 * 1.05f64.powf(second as f64));
    let jumping = caught(|second| if second < 22 { 20.0 } else { 100.0 });
    assert!(warming >= 38 && drifting >= 38 && jumping >= 38, "{warming} {drifting} {jumping}");
}

#[test]
fn a_warm_up_longer_than_planned_is_told_with_its_end() {
    let series = rows(60, 0.03, 0.0, 7, |second| if second < 15 { 200.0 } else { 20.0 });
    let found = state_of(&series, 5.0);
    assert_eq!((found.seconds, found.state), (55, SteadyState::Unsteady));
    // The rule tends to leave out too much rather than too little.
    assert!((15.0..30.0).contains(&found.warm_up_found_s.unwrap()), "{found:?}");
    // Ten of 55 seconds are ten times as slow.
    assert!((0.05..0.5).contains(&found.level_ratio.unwrap()), "{:?}", found.level_ratio);
    // Planned long enough, the same course is steady.
    let found = state_of(&series, 15.0);
    assert_eq!((found.seconds, found.state), (45, SteadyState::Steady));
}

#[test]
fn a_short_or_silent_phase_says_nothing() {
    let series = rows(29, 0.1, 0.0, 7, |_| 20.0);
    let found = state_of(&series, 0.0);
    assert_eq!((found.seconds, found.state, found.p99), (29, SteadyState::TooShort, None));
    let mut series = rows(60, 0.1, 0.0, 7, |_| 20.0);
    series.iter_mut().for_each(|row| row.response_p99_ms = None);
    assert_eq!((state_of(&series, 0.0).seconds, state_of(&series, 0.0).level_ratio), (0, None));
}

#[test]
fn rows_that_end_late_still_belong_to_their_phase() {
    let mut series = rows(40, 0.1, 0.0, 7, |_| 20.0);
    series.iter_mut().for_each(|row| row.t_s += 0.02);
    let found = Steadiness::measure(&series, 5.0, 38.0, &Latencies::new());
    assert_eq!(found.seconds, 33);
}

#[test]
fn the_interval_of_the_p99_is_that_of_as_many_independent_responses() {
    let mut response = Latencies::new();
    (1..=10_000).for_each(|us| response.record_us(us * 10));
    let whole = p99(&response, 1.0).unwrap();
    // Ranks 9,880 and 9,920 of 10,000, with the buckets of three digits.
    assert_eq!((whole.responses, whole.effective_responses), (10_000, 10_000.0));
    let near = |value: Option<f64>, ms: f64| (value.unwrap() - ms).abs() <= ms * 1e-3;
    assert!(near(whole.low_ms, 98.8) && near(whole.high_ms, 99.2), "{whole:?}");
    assert!(whole.low_ms.unwrap() <= 98.8 && whole.high_ms.unwrap() >= 99.2);
    // A tenth: ranks 983 and 997 of 1,000 are ranks 9,830 and 9,970 of 10,000.
    let tenth = p99(&response, 0.1).unwrap();
    assert!(near(tenth.low_ms, 98.3) && near(tenth.high_ms, 99.7), "{tenth:?}");
    // Of 100 independent ones none lies surely above the p99.
    assert_eq!(p99(&response, 0.01).unwrap().high_ms, None);
    assert_eq!(p99(&Latencies::new(), 1.0), None);
}
