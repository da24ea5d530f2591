use rand::RngExt;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;

/// Noise of standard deviation 1, as sums of twelve.
fn noise(count: usize, seed: u64) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    (0..count).map(|_| (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0).collect()
}

/// Noise about levels, each for some values.
fn steps(levels: &[(usize, f64)], seed: u64) -> Vec<f64> {
    let count = levels.iter().map(|(count, _)| count).sum();
    let level = levels.iter().flat_map(|(count, level)| vec![*level; *count]);
    noise(count, seed).into_iter().zip(level).map(|(noise, level)| noise + level).collect()
}

fn quick() -> ChangeRules {
    ChangeRules { permutations: 199, ..ChangeRules::default() }
}

fn indices(values: &[f64]) -> Vec<usize> {
    change_points(values, &quick()).iter().map(|point| point.index).collect()
}

#[test]
fn a_step_is_found_where_it_is() {
    let values = steps(&[(60, 100.0), (40, 105.0)], 1);
    let found = change_points(&values, &quick());
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].index.abs_diff(60) <= 1);
    assert!((found[0].before - 100.0).abs() < 0.5 && (found[0].after - 105.0).abs() < 0.5);
    assert_eq!(found[0].p_value, 1.0 / 200.0);
}

#[test]
fn a_step_up_and_down_again_and_a_stair_are_found() {
    let up_and_down = indices(&steps(&[(40, 0.0), (30, 6.0), (40, 0.0)], 2));
    assert_eq!(up_and_down.len(), 2, "{up_and_down:?}");
    assert!(up_and_down[0].abs_diff(40) <= 1 && up_and_down[1].abs_diff(70) <= 1);
    let stair = indices(&steps(&[(40, 0.0), (40, 8.0), (40, 16.0)], 3));
    assert_eq!(stair.len(), 2, "{stair:?}");
    assert!(stair[0].abs_diff(40) <= 1 && stair[1].abs_diff(80) <= 1);
}

#[test]
fn steps_that_only_together_explain_anything_are_found() {
    for (height, seed) in [(30.0, 9), (10.0, 10)] {
        let levels: Vec<(usize, f64)> =
            (0..4).map(|level| (25, 100.0 + height * f64::from(level % 2))).collect();
        let found = indices(&steps(&levels, seed));
        assert_eq!(found.len(), 3, "{height}: {found:?}");
        assert!(found.iter().zip([25, 50, 75]).all(|(at, step)| at.abs_diff(step) <= 1));
    }
}

#[test]
fn drift_is_no_step_and_does_not_hide_one() {
    let drift = |values: Vec<f64>| -> Vec<f64> {
        values.into_iter().enumerate().map(|(i, value)| value + 0.1 * i as f64).collect()
    };
    assert!(indices(&drift(noise(100, 4))).is_empty());
    let with_step = indices(&drift(steps(&[(50, 0.0), (50, 5.0)], 5)));
    assert!(with_step.len() == 1 && with_step[0].abs_diff(50) <= 1, "{with_step:?}");
}

#[test]
fn noise_and_constants_have_no_change() {
    assert!(indices(&noise(100, 6)).is_empty());
    for constant in [5.0, 32.8, 8.047, 33.3, 0.12, 0.0] {
        assert!(indices(&[constant; 100]).is_empty(), "{constant}");
    }
}

#[test]
fn a_step_without_noise_is_found() {
    let values: Vec<f64> = (0..40).map(|i| if i < 20 { 1.0 } else { 2.0 }).collect();
    assert_eq!(indices(&values), [20]);
}

#[test]
fn the_same_seed_finds_the_same() {
    let values = steps(&[(50, 0.0), (50, 2.5)], 7);
    assert_eq!(change_points(&values, &quick()), change_points(&values, &quick()));
}

#[test]
fn what_cannot_be_told_finds_nothing() {
    let step = steps(&[(50, 0.0), (50, 20.0)], 8);
    assert!(!indices(&step).is_empty());
    assert!(indices(&step[43..58]).is_empty());
    assert!(indices(&[]).is_empty());
    let mut broken = step.clone();
    broken[10] = f64::NAN;
    assert!(indices(&broken).is_empty());
    // 50 permutations cannot show 1 %.
    let few = ChangeRules { permutations: 50, ..ChangeRules::default() };
    assert!(change_points(&step, &few).is_empty());
    let nonsense = ChangeRules { alpha: f64::NAN, ..quick() };
    assert!(change_points(&step, &nonsense).is_empty());
}
