//! Series without a step that behave like a given one.
//!
//! The drift and the steps of the series are fitted and taken out; of what is left, the lag-1
//! autocorrelation ρ is estimated. Its innovations, xₜ − ρ xₜ₋₁, are put into a random order and
//! made into a series again. A series so drawn has the same correlation and the same scatter, and
//! no step. Permuting the values themselves, or blocks of them, would break correlation up that
//! runs from block to block, and alarm on it.
//!
//! An estimate of ρ from a short series errs, and if it is too low, correlation is taken for
//! steps. So an upper bound of ρ is used: the error rate is kept at the price of seeing small
//! steps later. `ci/calibration` counts what the constants below come to.

use rand::RngExt;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::PART_MIN;
use super::line::{self, Levels};

/// How many standard errors the bound of ρ lies above its estimate.
const ERRORS_ABOVE: f64 = 3.0;
/// The estimate falls short by about (3 + 10 ρ) / n when a line and a step are fitted.
const SHORTFALL: (f64, f64) = (3.0, 10.0);
/// A walk that never returns has ρ = 1; nothing could be told from it.
const CORRELATION_MAX: f64 = 0.97;
/// Steps that are taken out at most.
const STEPS_MAX: usize = 6;
/// A further step is taken out only when levels between steps last so long: what is shorter may
/// be a burst, and belongs to the noise.
const LEVEL_MIN: usize = 20;
/// A further step is taken out when it makes the logarithm of the likelihood rise by this; that
/// no noise does.
const LIKELIHOOD_RISE: f64 = 10.0;

/// The share of innovations by which their scatter is told; the largest are left out.
const SCATTER_KEPT: f64 = 0.75;

/// Draws series without a step.
pub(super) struct Unchanged {
    rest: Vec<f64>,
    innovations: Vec<f64>,
    correlation: f64,
    random: ChaCha8Rng,
    drawn: Vec<f64>,
}

impl Unchanged {
    /// Series like `values`, which must be finite; `None` when there are too few.
    pub(super) fn like(values: &[f64], seed: u64) -> Option<Unchanged> {
        let n = values.len() as f64;
        let mut rest = without_steps(values)?;
        // Four numbers were fitted and chosen: what is left scatters less than the noise did.
        let scale = (n / (n - 4.0)).sqrt();
        rest.iter_mut().for_each(|value| *value *= scale);
        let seen = correlation(&rest);
        let error = ((1.0 - seen * seen).max(0.05) / n).sqrt();
        let shortfall = (SHORTFALL.0 + SHORTFALL.1 * seen.max(0.0)) / n;
        let correlation = (seen + shortfall + ERRORS_ABOVE * error).clamp(0.0, CORRELATION_MAX);
        let innovations = innovations(&rest, correlation);
        let random = ChaCha8Rng::seed_from_u64(seed);
        Some(Unchanged { drawn: vec![0.0; rest.len()], rest, innovations, correlation, random })
    }

    /// The next series.
    pub(super) fn draw(&mut self) -> &[f64] {
        self.innovations.shuffle(&mut self.random);
        let mut value = self.rest[self.random.random_range(0..self.rest.len())];
        self.drawn[0] = value;
        for (drawn, innovation) in self.drawn[1..].iter_mut().zip(&self.innovations) {
            value = self.correlation * value + innovation;
            *drawn = value;
        }
        &self.drawn
    }
}

/// What a line and the steps leave: one step always, further ones when they are plain.
///
/// Steps that only together explain anything, such as up, down and up again, must be seen as well:
/// one after the other is taken out, and then it is asked how many it took.
fn without_steps(values: &[f64]) -> Option<Vec<f64>> {
    let levels = Levels::of(values);
    let mut steps = vec![line::best_fit(values, PART_MIN)?.at];
    let rest = levels.rest(values, &steps);
    let at_first = scatter(&rest);
    let mut best = (0.0, rest);
    for further in 1..STEPS_MAX {
        let Some(with_another) = with_another(&levels, &steps) else { break };
        steps = settled(&levels, with_another);
        let rest = levels.rest(values, &steps);
        let rise = values.len() as f64 / 2.0 * (at_first / scatter(&rest)).ln();
        let gain = rise - LIKELIHOOD_RISE * further as f64;
        if gain > best.0 {
            best = (gain, rest);
        }
    }
    Some(best.1)
}

/// The `steps` with the one more that leaves the least squares.
fn with_another(levels: &Levels, steps: &[usize]) -> Option<Vec<usize>> {
    let apart = |at: &usize| steps.iter().all(|step| step.abs_diff(*at) >= LEVEL_MIN);
    let with = |at: usize| {
        let mut steps = steps.to_vec();
        steps.insert(steps.partition_point(|step| *step < at), at);
        (levels.squares(&steps), steps)
    };
    let places = (LEVEL_MIN..=levels.len().saturating_sub(LEVEL_MIN)).filter(apart);
    places.map(with).min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, steps)| steps)
}

/// Moves each step to where fewer squares are left, until none moves: what was the best place for
/// a step alone need not be one once there are others.
fn settled(levels: &Levels, mut steps: Vec<usize>) -> Vec<usize> {
    const ROUNDS: usize = 10;
    for _ in 0..ROUNDS {
        let before = steps.clone();
        for step in &before {
            let others: Vec<usize> = steps.iter().copied().filter(|other| other != step).collect();
            let moved = with_another(levels, &others);
            steps = moved
                .filter(|moved| levels.squares(moved) < levels.squares(&steps))
                .unwrap_or(steps);
        }
        if steps == before {
            break;
        }
    }
    steps
}

/// The lag-1 autocorrelation of values whose mean is zero.
fn correlation(rest: &[f64]) -> f64 {
    let squares: f64 = rest.iter().map(|value| value * value).sum();
    let products: f64 = rest.windows(2).map(|pair| pair[0] * pair[1]).sum();
    if squares > 0.0 { products / squares } else { 0.0 }
}

/// What the value before does not tell of each value, less the mean of it.
fn innovations(rest: &[f64], correlation: f64) -> Vec<f64> {
    let mut innovations: Vec<f64> =
        rest.windows(2).map(|pair| pair[1] - correlation * pair[0]).collect();
    let mean = innovations.iter().sum::<f64>() / innovations.len() as f64;
    innovations.iter_mut().for_each(|innovation| *innovation -= mean);
    innovations
}

/// How far the innovations scatter: the mean square of all but the largest. Bursts are no reason
/// to take a step out.
fn scatter(rest: &[f64]) -> f64 {
    let innovations = innovations(rest, correlation(rest));
    let mut squares: Vec<f64> = innovations.iter().map(|innovation| innovation.powi(2)).collect();
    squares.sort_by(f64::total_cmp);
    squares.truncate((squares.len() as f64 * SCATTER_KEPT) as usize);
    squares.iter().sum::<f64>() / squares.len() as f64
}
