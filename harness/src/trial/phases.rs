//! The phases of a trial's load, known from the schedule before it starts.

use crate::scenario::ValidatedScenario;
use chaos::PlannedFault;
use std::time::Duration;
use workloads::spec::ShapeSpec;

/// A stretch of the load that is out of the ordinary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Disturbance {
    start: Duration,
    end: Duration,
    name: &'static str,
}

/// The phase whose response times are in no figure.
pub(super) const WARM_UP: &str = "warm-up";

/// Ends of the phases with their names, in order: `warm-up`, `steady`, then `burst` while more is
/// offered, `fault` while any fault is installed, and `recovery` between and after them.
pub(super) fn of(
    scenario: &ValidatedScenario,
    faults: &[PlannedFault],
) -> Vec<(Duration, &'static str)> {
    let mut disturbances = bursts(&scenario.spec.workload.arrival.shape);
    disturbances.extend(faults.iter().map(|fault| Disturbance {
        start: fault.due,
        end: fault.due + fault.hold,
        name: "fault",
    }));
    boundaries(scenario.spec.warm_up, scenario.spec.duration, &disturbances)
}

/// Changes of the offered load; a step is over at once, and what follows is recovery from it.
fn bursts(shape: &ShapeSpec) -> Vec<Disturbance> {
    match shape {
        ShapeSpec::Constant => Vec::new(),
        ShapeSpec::Steps(steps) => steps
            .iter()
            .map(|step| Disturbance { start: step.at, end: step.at, name: "burst" })
            .collect(),
        ShapeSpec::Bursts(bursts) => bursts
            .iter()
            .map(|burst| Disturbance {
                start: burst.at,
                end: burst.at + burst.r#for,
                name: "burst",
            })
            .collect(),
    }
}

fn boundaries(
    warm_up: Duration,
    end: Duration,
    disturbances: &[Disturbance],
) -> Vec<(Duration, &'static str)> {
    let mut phases = vec![(warm_up, WARM_UP)];
    let mut sorted = disturbances.to_vec();
    sorted.sort();
    let mut quiet = "steady";
    let mut reached = warm_up;
    for disturbance in sorted {
        if disturbance.start > reached {
            phases.push((disturbance.start, quiet));
            reached = disturbance.start;
        }
        quiet = "recovery";
        if disturbance.end > reached {
            match phases.last_mut() {
                Some(last) if last.1 == disturbance.name => last.0 = disturbance.end,
                _ => phases.push((disturbance.end, disturbance.name)),
            }
            reached = disturbance.end;
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

    fn seconds(disturbances: &[(u64, u64, &'static str)]) -> Vec<(u64, &'static str)> {
        let disturbances: Vec<_> = disturbances
            .iter()
            .map(|(start, end, name)| Disturbance {
                start: Duration::from_secs(*start),
                end: Duration::from_secs(*end),
                name,
            })
            .collect();
        boundaries(Duration::from_secs(3), Duration::from_secs(30), &disturbances)
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
            seconds(&[(20, 22, "fault"), (8, 10, "fault")]),
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
            seconds(&[(8, 12, "fault"), (10, 11, "fault"), (11, 15, "fault")]),
            [(3, "warm-up"), (8, "steady"), (15, "fault"), (30, "recovery")]
        );
    }

    #[test]
    fn nothing_is_steady_after_a_burst_or_a_step() {
        assert_eq!(
            seconds(&[(8, 9, "burst"), (12, 13, "fault")]),
            [
                (3, "warm-up"),
                (8, "steady"),
                (9, "burst"),
                (12, "recovery"),
                (13, "fault"),
                (30, "recovery")
            ]
        );
        assert_eq!(seconds(&[(8, 8, "burst")]), [(3, "warm-up"), (8, "steady"), (30, "recovery")]);
    }
}
