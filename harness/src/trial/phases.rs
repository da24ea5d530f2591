//! The phases of a trial's load, known from the schedule before it starts.

use crate::scenario::ValidatedScenario;
use chaos::PlannedFault;
use std::time::Duration;

/// Ends of the phases with their names, in order: `warm-up`, `steady`, then `fault` while any
/// fault is installed and `recovery` between and after faults.
pub(super) fn of(
    scenario: &ValidatedScenario,
    faults: &[PlannedFault],
) -> Vec<(Duration, &'static str)> {
    let spans: Vec<_> = faults.iter().map(|fault| (fault.due, fault.due + fault.hold)).collect();
    boundaries(scenario.spec.warm_up, scenario.spec.duration, &spans)
}

fn boundaries(
    warm_up: Duration,
    end: Duration,
    faults: &[(Duration, Duration)],
) -> Vec<(Duration, &'static str)> {
    let mut phases = vec![(warm_up, "warm-up")];
    let mut spans = faults.to_vec();
    spans.sort();
    let mut quiet = "steady";
    let mut reached = warm_up;
    for (start, stop) in spans {
        if start > reached {
            phases.push((start, quiet));
            reached = start;
        }
        quiet = "recovery";
        if stop > reached {
            match phases.last_mut() {
                Some(last) if last.1 == "fault" => last.0 = stop,
                _ => phases.push((stop, "fault")),
            }
            reached = stop;
        }
    }
    if end > reached {
        phases.push((end, quiet));
    }
    phases
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(spans: &[(u64, u64)]) -> Vec<(u64, &'static str)> {
        let spans: Vec<_> =
            spans.iter().map(|(a, b)| (Duration::from_secs(*a), Duration::from_secs(*b))).collect();
        boundaries(Duration::from_secs(3), Duration::from_secs(30), &spans)
            .into_iter()
            .map(|(end, name)| (end.as_secs(), name))
            .collect()
    }

    #[test]
    fn without_faults_the_load_is_steady_after_the_warm_up() {
        assert_eq!(seconds(&[]), [(3, "warm-up"), (30, "steady")]);
    }

    #[test]
    fn each_fault_is_followed_by_its_recovery() {
        assert_eq!(
            seconds(&[(20, 22), (8, 10)]),
            [
                (3, "warm-up"),
                (8, "steady"),
                (10, "fault"),
                (20, "recovery"),
                (22, "fault"),
                (30, "recovery")
            ]
        );
    }

    #[test]
    fn overlapping_faults_are_one_phase() {
        assert_eq!(
            seconds(&[(8, 12), (10, 11), (11, 15)]),
            [(3, "warm-up"), (8, "steady"), (15, "fault"), (30, "recovery")]
        );
    }
}
