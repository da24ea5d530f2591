//! Histories without a change, and with one.

use super::noise::Noise;
use super::{Setting, trials};
use rand::Rng;
use results::statistics::changes::{ChangeRules, change_points};

/// How far from the true place a change may be found.
const PLACE_ERROR: usize = 3;

/// In how many of `histories` of so many `values` a change is found although there is none.
pub fn alarms(
    setting: &Setting,
    row: u32,
    histories: u32,
    (noise, values): (Noise, usize),
    rules: &ChangeRules,
) -> u64 {
    let alarmed = trials(setting, row, histories, |random| {
        let series = noise.windows(values, setting, random);
        let rules = ChangeRules { seed: random.next_u64(), ..*rules };
        !change_points(&series, &rules).is_empty()
    });
    alarmed.into_iter().filter(|alarmed| *alarmed).count() as u64
}

/// In how many of `histories` a step in the middle is found within three values of its place; it
/// is given in standard deviations of a value.
pub fn found(
    setting: &Setting,
    row: u32,
    histories: u32,
    (noise, values, deviations): (Noise, usize, f64),
    rules: &ChangeRules,
) -> u64 {
    let at = values / 2;
    let step = deviations * setting.noise / std::f64::consts::SQRT_2;
    let hits = trials(setting, row, histories, |random| {
        let mut series = noise.windows(values, setting, random);
        series[at..].iter_mut().for_each(|value| *value += step);
        let rules = ChangeRules { seed: random.next_u64(), ..*rules };
        change_points(&series, &rules).iter().any(|point| point.index.abs_diff(at) <= PLACE_ERROR)
    });
    hits.into_iter().filter(|hit| *hit).count() as u64
}
