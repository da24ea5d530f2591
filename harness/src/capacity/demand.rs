//! A demand given to a strategy: how many workers it spends, and whether that suffices.

use super::prober::{Asked, Prober};
use crate::exit::Failure;
use crate::scenario::spec::StrategyName;
use results::capacity::{DemandPoint, Sustained};

/// Gives a strategy a constant rate, some times. `None` when the run was stopped before the first
/// was done. Probes in which the harness was at its limit are left out.
///
/// # Errors
/// When a probe could not be run.
pub(super) async fn give(
    prober: &mut Prober<'_>,
    strategy: StrategyName,
    rate_per_s: f64,
    repetitions: u32,
) -> Result<Option<DemandPoint>, Failure> {
    let mut point = DemandPoint {
        strategy: strategy.as_str().to_owned(),
        demand_per_s: rate_per_s,
        sustained: 0,
        repetitions: 0,
        workers: Vec::new(),
        p99_ms: Vec::new(),
    };
    for _ in 0..repetitions {
        // Twice as long: a strategy needs time to find its allocation.
        let asked = Asked { rate_per_s, workers: None, strategy, length: 2 };
        let Some(probe) = prober.probe(asked).await? else { break };
        if matches!(probe.sustained, Sustained::Invalid(_)) {
            continue;
        }
        point.repetitions += 1;
        point.sustained += u32::from(probe.sustained == Sustained::Yes);
        point.workers.push(probe.workers);
        point.p99_ms.push(probe.p99_ms);
    }
    Ok((point.repetitions > 0).then_some(point))
}
