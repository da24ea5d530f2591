//! A choice among the job's workers: their names are known only when the fault is due.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Check;
use crate::selector::{Pool, share_of};

/// Which of the workers that run when the fault is due; what is left open is drawn from the seed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Workers {
    /// Every one.
    All,
    /// This many of them, or all if fewer run.
    Count(usize),
    /// This share of them, above 0 and up to 1, rounded up to at least one.
    Share(f64),
}

impl Workers {
    pub(super) fn check(self, check: &mut Check<'_>) {
        // They are drawn when the fault is due, wherever they run then.
        check.all_of("workers", Pool::Nodes);
        match self {
            Self::Count(0) => {
                check.problem("workers", "count 0 of workers; allowed: 1 and above");
            }
            Self::Share(share) if !(share > 0.0 && share <= 1.0) => {
                let message = format!("share {share} of workers; allowed: above 0 and up to 1");
                check.problem("workers", message);
            }
            Self::All | Self::Count(_) | Self::Share(_) => {}
        }
    }

    /// Draws some of those that run, in their order.
    pub(crate) fn draw(self, running: &[String], seed: u64) -> Vec<String> {
        let all = running.len();
        let size = match self {
            Self::All => all,
            Self::Count(count) => count.min(all),
            Self::Share(share) => share_of(share, all),
        };
        let mut places: Vec<usize> = (0..all).collect();
        places.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        places.truncate(size);
        places.sort_unstable();
        places.into_iter().map(|place| running[place].clone()).collect()
    }
}
