//! The search for the capacity of one fixed allocation.

use super::prober::{Asked, Prober};
use crate::exit::Failure;
use crate::scenario::capacity::CapacitySpec;
use results::capacity::{AllocationCapacity, Resolved, Search, Sustained};
use workloads::spec::RATE_MAX;

/// Searches the highest rate that this many workers sustain. What stays unclear counts as not
/// sustained: the answer is the highest rate that was shown to be.
///
/// # Errors
/// When a probe could not be run.
pub(super) async fn search(
    prober: &mut Prober<'_>,
    capacity: &CapacitySpec,
    workers: u32,
) -> Result<AllocationCapacity, Failure> {
    let first = prober.named_rate() * f64::from(workers);
    let strategy = prober.first_strategy();
    let mut search = Search::new(first, capacity.resolution, capacity.probes_max);
    let before = prober.probes();
    let mut refusals: Vec<(f64, String)> = Vec::new();
    let mut early = None;
    while let Some(rate_per_s) = search.next_rate() {
        if rate_per_s > RATE_MAX {
            let reason = format!("no scenario may offer more than {RATE_MAX} messages a second");
            early = Some((Resolved::Open, reason));
            break;
        }
        let seed_offset = prober.probes();
        let asked = Asked { rate_per_s, workers: Some(workers), strategy, length: 1, seed_offset };
        let Some(probe) = prober.probe(asked).await? else {
            early = Some((Resolved::Open, "the run was stopped".to_owned()));
            break;
        };
        match probe.sustained {
            Sustained::Yes => search.tell(rate_per_s, true),
            Sustained::No(reason) | Sustained::Unclear(reason) => {
                search.tell(rate_per_s, false);
                refusals.push((rate_per_s, reason));
            }
            Sustained::Invalid(reason) => {
                early = Some((Resolved::Invalid, reason));
                break;
            }
        }
    }
    let end = search.end();
    let (resolved, reason) = early.unwrap_or_else(|| {
        let last = refusals.iter().rev().find(|(rate, _)| Some(*rate) == end.refused);
        let reason = last.map_or("the probes ran out", |(_, reason)| reason);
        (if end.confirmed { Resolved::Confirmed } else { Resolved::Open }, reason.to_owned())
    });
    Ok(AllocationCapacity {
        workers,
        sustained_per_s: end.sustained,
        refused_per_s: end.refused,
        resolved,
        probes: u32::try_from(prober.probes() - before).unwrap_or(u32::MAX),
        reason,
    })
}
