//! Where a history has changed: steps in a series of results, one of each commit or day.
//!
//! E-divisive finds the best split by the energy distance of its parts, tests it, and goes on in
//! both parts. Published tools test as if results were independent of each other; on a real
//! machine they are not, and the tools alarm on most histories without a change. Here the largest
//! statistic is held against what it would be in a history without a step that drifts, wanders
//! and scatters as this one does: [`unchanged`] says how that is made.
//!
//! Sources: Matteson and James, arXiv 1306.4933 (E-divisive); Fleming and others, "Hunter",
//! arXiv 2301.03034 (its use on benchmarks).

mod line;
mod unchanged;

use serde::{Deserialize, Serialize};

use super::energy::Scan;
use super::median;
use unchanged::Unchanged;

/// A part shorter than this is not told from a burst of noise: a change is seen once so many
/// results came after it.
pub const PART_MIN: usize = 10;
/// The longest series that is looked at, in values; of a longer one, the end is.
pub const VALUES_MAX: usize = 2_000;

/// How surely a change must be there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeRules {
    /// The probability, at most, of finding any change in a series without one.
    pub alpha: f64,
    /// How many series without a change each finding is held against; p values are multiples of
    /// one over this plus one.
    pub permutations: u32,
    /// Where their random order starts: the same seed gives the same findings.
    pub seed: u64,
}

impl Default for ChangeRules {
    /// 1 %, 999 permutations.
    fn default() -> Self {
        ChangeRules { alpha: 0.01, permutations: 999, seed: 1 }
    }
}

/// A step in a series.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangePoint {
    /// The first value of the new level.
    pub index: usize,
    /// The probability of so large a statistic in a series without a step.
    pub p_value: f64,
    /// The median from the change before, or the start, up to this one.
    pub before: f64,
    /// The median from this change up to the next, or the end.
    pub after: f64,
}

/// The steps in `values`, oldest first; none when there are fewer than twice [`PART_MIN`] values,
/// one of them is not finite, or `permutations` are too few to reach `alpha`. Of more than
/// [`VALUES_MAX`] values the last are looked at, and each index still counts from the first.
///
/// Each change takes about `permutations` passes of n²/2 steps; a series without one takes few.
pub fn change_points(values: &[f64], rules: &ChangeRules) -> Vec<ChangePoint> {
    let skipped = values.len().saturating_sub(VALUES_MAX);
    let values = &values[skipped..];
    if !values.iter().all(|value| value.is_finite()) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut parts = vec![(0, values.len())];
    while let Some((start, end)) = parts.pop() {
        let Some((at, p_value)) = step(&values[start..end], rules) else { continue };
        let index = start + at;
        found.push((index, p_value));
        parts.extend([(start, index), (index, end)]);
    }
    found.sort_by_key(|(index, _)| *index);
    let ends: Vec<usize> = found.iter().map(|(index, _)| *index).chain([values.len()]).collect();
    let mut start = 0;
    let mut points = Vec::with_capacity(found.len());
    for (number, (index, p_value)) in found.into_iter().enumerate() {
        let before = median(&values[start..index]).unwrap_or(f64::NAN);
        let after = median(&values[index..ends[number + 1]]).unwrap_or(f64::NAN);
        points.push(ChangePoint { index: skipped + index, p_value, before, after });
        start = index;
    }
    points
}

/// The best split and the probability of its statistic, if that is `alpha` at most.
fn step(values: &[f64], rules: &ChangeRules) -> Option<(usize, f64)> {
    if is_constant(values) {
        return None;
    }
    let mut scan = Scan::default();
    let mut level = Vec::new();
    let mut split = |values: &[f64]| {
        line::without_drift(values, PART_MIN, &mut level);
        scan.best_split(&level, PART_MIN)
    };
    let seen = split(values)?;
    // As many as still leave the probability at alpha; one more ends it.
    let count = f64::from(rules.permutations) + 1.0;
    let allowed = (rules.alpha * count * (1.0 + 1e-12)).floor();
    let mut unchanged = Unchanged::like(values, rules.seed)?;
    let mut as_large = 1.0;
    for _ in 0..rules.permutations {
        if as_large > allowed {
            return None;
        }
        let drawn = split(unchanged.draw())?;
        // Not less: rounding must not hide equal series.
        if drawn.statistic >= seen.statistic * (1.0 - 1e-9) {
            as_large += 1.0;
        }
    }
    (as_large <= allowed).then_some((seen.at, as_large / count))
}

/// Whether only rounding tells the values apart, of which steps could be made.
fn is_constant(values: &[f64]) -> bool {
    let (least, greatest) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, greatest), value| {
            (least.min(*value), greatest.max(*value))
        });
    greatest - least <= 1e-9 * greatest.abs().max(least.abs())
}

#[cfg(test)]
mod tests;
