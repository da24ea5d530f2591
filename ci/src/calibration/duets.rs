//! Duets of a program with itself, and with a slower one.

use super::noise::Noise;
use super::{Setting, trials};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use results::statistics::duet::{Decision, Outcome, Rules, decide};

/// How many duets ended how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ends {
    /// Duets.
    pub duets: u64,
    /// That passed.
    pub passed: u64,
    /// That failed.
    pub failed: u64,
    /// Pairs that a duet took, the median.
    pub pairs: usize,
}

/// Plays duets in which the candidate's windows take `change` more than the baseline's.
///
/// The two windows of a pair follow each other in an order drawn at random, on a machine that
/// makes `noise` from the first window to the last.
pub fn play(
    setting: &Setting,
    row: u32,
    duets: u32,
    (noise, change): (Noise, f64),
    rules: &Rules,
) -> Ends {
    let decisions = trials(setting, row, duets, |random| {
        let windows = noise.windows(2 * rules.pairs_max, setting, random);
        let ratios: Vec<f64> = windows
            .chunks_exact(2)
            .map(|pair| change.ln_1p() + in_some_order(pair, random))
            .collect();
        until_decided(&ratios, rules)
    });
    let ended = |outcome| decisions.iter().filter(|d| d.outcome == outcome).count() as u64;
    let mut pairs: Vec<usize> = decisions.iter().map(|decision| decision.pairs).collect();
    pairs.sort_unstable();
    Ends {
        duets: decisions.len() as u64,
        passed: ended(Outcome::Pass),
        failed: ended(Outcome::Fail),
        pairs: pairs.get(pairs.len() / 2).copied().unwrap_or(0),
    }
}

/// Candidate less baseline, either of which may have come first.
fn in_some_order(pair: &[f64], random: &mut ChaCha8Rng) -> f64 {
    let difference = pair[1] - pair[0];
    if random.random_bool(0.5) { difference } else { -difference }
}

/// As the gate does: looks, and goes on as long as it is told to.
fn until_decided(ratios: &[f64], rules: &Rules) -> Decision {
    let mut decision = decide(&[], rules);
    while let (Outcome::Extend, Some(next)) = (decision.outcome, decision.next_look) {
        decision = decide(&ratios[..next], rules);
    }
    decision
}
