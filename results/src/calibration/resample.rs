//! Gates drawn from the pairs of a program against itself.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::statistics::duet::{Outcome, Rules, decide};

/// How many of `gates` drawn gates fail a candidate whose log ratios are higher by `shift`.
///
/// Each gate draws blocks of neighbouring pairs, with replacement, so that what neighbours have in
/// common stays (the circular block bootstrap of Politis and Romano, 1992, with blocks of ∛n). In
/// each block the programs swap places by the toss of a coin: who is who is chance when both are
/// alike, and so what is drawn favours neither.
pub(super) fn failures(ratios: &[f64], rules: &Rules, shift: f64, seed: u64, gates: u32) -> u32 {
    let block = (ratios.len() as f64).cbrt().round().max(1.0) as usize;
    let fails = |gate: &u32| {
        let mut draws = ChaCha8Rng::seed_from_u64(seed);
        draws.set_stream(u64::from(*gate));
        let drawn = drawn(ratios, rules.pairs_max, block, shift, &mut draws);
        outcome(&drawn, rules) == Outcome::Fail
    };
    (0..gates).filter(fails).count() as u32
}

fn drawn(
    ratios: &[f64],
    pairs: usize,
    block: usize,
    shift: f64,
    draws: &mut ChaCha8Rng,
) -> Vec<f64> {
    let mut series = Vec::with_capacity(pairs + block);
    while series.len() < pairs {
        let start = draws.random_range(0..ratios.len());
        let sign = if draws.random() { 1.0 } else { -1.0 };
        let values = ratios.iter().cycle().skip(start).take(block);
        series.extend(values.map(|ratio| sign * ratio + shift));
    }
    series.truncate(pairs);
    series
}

/// Plays the gate as it is played: look after look, until it is decided or the pairs are at an
/// end.
pub(super) fn outcome(ratios: &[f64], rules: &Rules) -> Outcome {
    let looks = rules.looks().into_iter().filter(|at| *at <= ratios.len());
    let mut outcomes = looks.map(|at| decide(&ratios[..at], rules).outcome);
    outcomes.find(|outcome| *outcome != Outcome::Extend).unwrap_or(Outcome::Inconclusive)
}
