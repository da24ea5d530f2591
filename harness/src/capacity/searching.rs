//! The search for the capacity of one fixed allocation.

use super::prober::{Asked, Prober};
use crate::exit::Failure;
use crate::scenario::capacity::CapacitySpec;
use results::capacity::{AllocationCapacity, Resolved, Search, Sustained};

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
    let mut probes = 0;
    let mut refused: Option<(f64, String)> = None;
    let mut early = None;
    while let Some(rate_per_s) = search.next_rate() {
        let asked = Asked { rate_per_s, workers: Some(workers), strategy, length: 1 };
        let Some(probe) = prober.probe(asked).await? else {
            early = Some((Resolved::Open, "the run was stopped".to_owned()));
            break;
        };
        probes += 1;
        match probe.sustained {
            Sustained::Yes => search.tell(rate_per_s, true),
            Sustained::No(reason) | Sustained::Unclear(reason) => {
                search.tell(rate_per_s, false);
                if refused.as_ref().is_none_or(|(rate, _)| rate_per_s <= *rate) {
                    refused = Some((rate_per_s, reason));
                }
            }
            Sustained::Invalid(reason) => {
                early = Some((Resolved::Invalid, reason));
                break;
            }
        }
    }
    let end = search.end();
    let (resolved, reason) = early.unwrap_or_else(|| {
        let reason = refused.map_or_else(
            || "nothing was refused before the probes ran out".to_owned(),
            |(_, reason)| reason,
        );
        (if end.confirmed { Resolved::Confirmed } else { Resolved::Open }, reason)
    });
    Ok(AllocationCapacity {
        workers,
        sustained_per_s: end.sustained,
        refused_per_s: end.refused,
        resolved,
        probes,
        reason,
    })
}
