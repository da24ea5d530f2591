//! A demand given to every strategy: how many workers each spends on it, if that suffices.

use super::prober::{Asked, Prober};
use crate::exit::Failure;
use crate::scenario::spec::StrategyName;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use results::capacity::{DemandPoint, Probe, Sustained};

/// Gives each strategy a constant rate, some times. In a repetition all see the same load, in
/// shuffled order, so that what drifts on the machine favours none.
///
/// # Errors
/// When a probe could not be run.
pub(super) async fn give(
    prober: &mut Prober<'_>,
    strategies: &[StrategyName],
    rate_per_s: f64,
    repetitions: u32,
) -> Result<Vec<DemandPoint>, Failure> {
    let mut points: Vec<DemandPoint> =
        strategies.iter().map(|strategy| untried(*strategy, rate_per_s)).collect();
    for repetition in 0..u64::from(repetitions) {
        let mut order: Vec<usize> = (0..strategies.len()).collect();
        let seed = prober.seed().wrapping_add(repetition);
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        for index in order {
            // Twice as long: a strategy needs time to find its allocation.
            let asked = Asked {
                rate_per_s,
                workers: None,
                strategy: strategies[index],
                length: 2,
                seed_offset: repetition,
            };
            let probe = prober.probe(asked).await?;
            count(&mut points[index], probe);
        }
    }
    Ok(points)
}

fn untried(strategy: StrategyName, rate_per_s: f64) -> DemandPoint {
    DemandPoint {
        strategy: strategy.as_str().to_owned(),
        demand_per_s: rate_per_s,
        refused: 0,
        invalid: 0,
        not_played: 0,
        workers: Vec::new(),
        p99_ms: Vec::new(),
    }
}

/// Adds what came of a repetition; none when the run was stopped.
fn count(point: &mut DemandPoint, probe: Option<Probe>) {
    match probe {
        Some(Probe { sustained: Sustained::Yes, workers, p99_ms, .. }) => {
            point.workers.push(workers);
            point.p99_ms.extend(p99_ms);
        }
        Some(Probe { sustained: Sustained::No(_) | Sustained::Unclear(_), .. }) => {
            point.refused += 1;
        }
        Some(Probe { sustained: Sustained::Invalid(_), .. }) => point.invalid += 1,
        None => point.not_played += 1,
    }
}
