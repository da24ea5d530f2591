//! The gate over the pairs of a program against itself as they were measured: nothing is drawn,
//! and no pair is turned round.

use serde::{Deserialize, Serialize};

use super::resample::outcome;
use crate::statistics::duet::{Outcome, Rules};

/// How gates end that begin at each pair in turn, each over the pairs that follow, round the ring:
/// at most once over every pair, and no further than the budget. They share pairs, so there is no
/// interval for a share of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// Gates: as many as pairs.
    pub gates: usize,
    /// Those that fail, although the program is the same: false alarms.
    pub failed: usize,
    /// Those that pass; the others are undecided.
    pub passed: usize,
    /// Those that would fail if the candidate were slower by the calibration's `change`.
    pub found: usize,
}

impl Measured {
    /// Plays the gates over the log ratios, and over the same raised by `shift`.
    pub(super) fn of(ratios: &[f64], rules: &Rules, shift: f64) -> Measured {
        let outcomes = |shift: f64| -> Vec<Outcome> {
            let gate = |start: usize| {
                let ring = ratios[start..].iter().chain(&ratios[..start]);
                outcome(&ring.map(|ratio| ratio + shift).collect::<Vec<_>>(), rules)
            };
            (0..ratios.len()).map(gate).collect()
        };
        let count = |outcomes: &[Outcome], wanted: Outcome| {
            outcomes.iter().filter(|outcome| **outcome == wanted).count()
        };
        let (alike, slower) = (outcomes(0.0), outcomes(shift));
        Measured {
            gates: ratios.len(),
            failed: count(&alike, Outcome::Fail),
            passed: count(&alike, Outcome::Pass),
            found: count(&slower, Outcome::Fail),
        }
    }

    /// Whether more gates fail than an error rate of `alpha` explains; a single one it always
    /// does.
    pub(super) fn alarms(&self, alpha: f64) -> bool {
        self.failed > 1 && self.failed as f64 > alpha * self.gates as f64
    }
}
