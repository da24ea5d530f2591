//! A duet: two programs run the same short trial in turns, pair after pair.
//!
//! What drifts on the machine drifts for both halves of a pair, and both have the same seed and
//! thus the same load: what differs between them is the programs and what is left of the noise.

pub(crate) mod child;
mod folder;
mod half;
mod order;
pub mod revision;

pub use child::Patience;
pub use folder::Folder;
pub(crate) use half::only_record;

use crate::clock::Anchor;
use crate::exit::Failure;
use crate::scenario::ValidatedScenario;
use crate::scenario::spec::StrategyName;
use results::gate::{Pair, Role};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Time that a trial may take for set-up and clean-up, beside its load and drain.
const AROUND_LOAD: Duration = Duration::from_secs(90);
/// Time to heal faults and write what there is, beside the drain.
const GRACE: Duration = Duration::from_secs(20);

/// What is played, and by whom.
#[derive(Debug, Clone)]
pub struct DuetPlan {
    /// The scenario.
    pub scenario: Arc<ValidatedScenario>,
    /// The strategy.
    pub strategy: StrategyName,
    /// This program, which starts the others so that they do not outlive it.
    pub launcher: PathBuf,
    /// The program that is known to be good.
    pub baseline: PathBuf,
    /// The program in question.
    pub candidate: PathBuf,
    /// Seed of the order, and of the first pair's load; each further pair adds one.
    pub seed: u64,
    /// How long a trial may take.
    pub patience: Patience,
}

impl DuetPlan {
    /// The patience that trials of a scenario deserve.
    pub fn patience(scenario: &ValidatedScenario) -> Patience {
        let spec = &scenario.spec;
        Patience { limit: spec.duration + spec.drain + AROUND_LOAD, grace: GRACE + spec.drain }
    }

    fn program(&self, role: Role) -> &Path {
        match role {
            Role::Baseline => &self.baseline,
            Role::Candidate => &self.candidate,
        }
    }
}

/// The pairs of a duet so far.
#[derive(Debug, Clone, Default)]
pub struct Played {
    /// Every pair, spoiled ones included, in order.
    pub pairs: Vec<Pair>,
    /// How long all of them took.
    pub took: Duration,
}

impl Played {
    /// Mean time of a pair, in seconds.
    pub fn seconds_per_pair(&self) -> f64 {
        self.took.as_secs_f64() / self.pairs.len().max(1) as f64
    }
}

/// Plays pairs for as long as `more`, asked after each, says so, or until cancelled. A pair that
/// was cut short is left out.
///
/// # Errors
/// When no process can be started or `more` fails.
pub async fn play(
    plan: &DuetPlan,
    folder: &Folder,
    cancel: &CancellationToken,
    mut more: impl FnMut(&Played) -> Result<bool, Failure>,
) -> Result<Played, Failure> {
    let start = Anchor::now();
    let mut played = Played::default();
    for number in 1.. {
        let Some(pair) = pair(plan, folder, number, cancel).await? else { break };
        played.pairs.push(pair);
        played.took = start.elapsed();
        if !more(&played)? {
            break;
        }
    }
    Ok(played)
}

/// Plays one pair; `None` when it was cut short.
async fn pair(
    plan: &DuetPlan,
    folder: &Folder,
    number: u32,
    cancel: &CancellationToken,
) -> Result<Option<Pair>, Failure> {
    let seed = plan.seed.wrapping_add(u64::from(number) - 1);
    let first = order::first(plan.seed, number);
    let second = first.other();
    let Some(one) = half::run(plan, folder, (number, first), seed, cancel).await? else {
        return Ok(None);
    };
    let Some(other) = half::run(plan, folder, (number, second), seed, cancel).await? else {
        return Ok(None);
    };
    let (baseline, candidate) = match first {
        Role::Baseline => (one, other),
        Role::Candidate => (other, one),
    };
    Ok(Some(Pair { number, seed, first, baseline, candidate }))
}
