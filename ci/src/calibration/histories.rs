//! Histories without a change, and with one.

use super::noise::Noise;
use super::{Setting, trials};
use rand::Rng;
use results::statistics::changes::{ChangePoint, ChangeRules, change_points};

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

/// In how many of `histories` each step between `levels` of equal lengths, in standard deviations
/// of a value, is found within three values of its place, and nothing else.
pub fn found(
    setting: &Setting,
    row: u32,
    histories: u32,
    (noise, values, levels): (Noise, usize, &[f64]),
    rules: &ChangeRules,
) -> u64 {
    let deviation = setting.noise / std::f64::consts::SQRT_2;
    let start = |level: usize| level * values / levels.len();
    let hits = trials(setting, row, histories, |random| {
        let mut series = noise.windows(values, setting, random);
        for (level, height) in levels.iter().enumerate() {
            let part = &mut series[start(level)..start(level + 1)];
            part.iter_mut().for_each(|value| *value += height * deviation);
        }
        let rules = ChangeRules { seed: random.next_u64(), ..*rules };
        let points = change_points(&series, &rules);
        let near = |(point, level): (&ChangePoint, usize)| {
            point.index.abs_diff(start(level)) <= PLACE_ERROR
        };
        points.len() + 1 == levels.len() && points.iter().zip(1..).all(near)
    });
    hits.into_iter().filter(|hit| *hit).count() as u64
}
