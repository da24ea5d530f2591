//! The phases of a trial's load: what the schedule tells of them is known from the start, and
//! faults with conditions make theirs as they come.

use chaos::{FaultEvent, FaultStep, Phase, PlannedFault};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;
use workloads::spec::ShapeSpec;

/// A stretch of the load that is out of the ordinary.
#[derive(Debug, Clone, Copy)]
struct Disturbance {
    start: Duration,
    end: Duration,
    name: &'static str,
}

/// The phase whose response times are in no figure.
pub(super) const WARM_UP: &str = "warm-up";

/// Ends of phases with their names, in order: `warm-up`, `steady`, then `burst` while more is
/// offered, `fault` while any fault is installed, `fault-in-burst` while both are, and `recovery`
/// between and after them.
pub(super) type Ends = Vec<(Duration, &'static str)>;

/// The phases of a load.
#[derive(Debug)]
pub struct Phases {
    warm_up: Duration,
    end: Duration,
    /// As if there were no faults.
    of_load: Ends,
    /// What the schedule tells.
    known: Vec<Disturbance>,
    /// Names of the faults whose times it tells.
    timed: BTreeSet<String>,
    seen: RwLock<Seen>,
}

/// The phases as far as faults have come.
#[derive(Debug, Default)]
struct Seen {
    /// Those that the schedule does not tell.
    faults: BTreeMap<String, Disturbance>,
    ends: Ends,
}

impl Phases {
    /// The phases of a load of this length with these faults, none of which has come.
    pub fn new(
        warm_up: Duration,
        end: Duration,
        shape: &ShapeSpec,
        faults: &[PlannedFault],
    ) -> Self {
        let mut known = bursts(shape);
        let of_load = boundaries(warm_up, end, &known);
        let timed = |fault: &&PlannedFault| !fault.cue.is_conditional();
        known.extend(faults.iter().filter(timed).filter_map(|fault| {
            let start = fault.cue.time()?;
            Some(Disturbance { start, end: start + fault.hold, name: "fault" })
        }));
        let ends = boundaries(warm_up, end, &known);
        let seen = RwLock::new(Seen { faults: BTreeMap::new(), ends });
        let timed = faults.iter().filter(timed).map(|fault| fault.name.clone()).collect();
        Self { warm_up, end, of_load, known, timed, seen }
    }

    /// The phase that a message belongs to by its intended time.
    pub fn at(&self, intended: Duration) -> &'static str {
        phase_at(&self.seen().ends, intended)
    }

    /// The phase at this time, as if there were no faults.
    pub(super) fn of_load(&self, time: Duration) -> Phase {
        let name = phase_at(&self.of_load, time);
        Phase::ALL.into_iter().find(|phase| phase.name() == name).unwrap_or_default()
    }

    /// The ends of all phases, as far as they are known.
    pub(super) fn ends(&self) -> Ends {
        self.seen().ends.clone()
    }

    /// Takes note of a fault whose time the schedule does not tell.
    pub(super) fn follow(&self, event: &FaultEvent) {
        if self.timed.contains(&event.name) {
            return;
        }
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        let at = event.at.min(self.end);
        match &event.step {
            FaultStep::Installed => {
                let fault = Disturbance { start: at, end: self.end, name: "fault" };
                seen.faults.insert(event.name.clone(), fault);
            }
            FaultStep::Healed(_) | FaultStep::HealFailed(_) => {
                if let Some(fault) = seen.faults.get_mut(&event.name) {
                    fault.end = at;
                }
            }
            FaultStep::Installing(_)
            | FaultStep::Landed(_)
            | FaultStep::Skipped(_)
            | FaultStep::Indeterminate(_) => return,
        }
        let all: Vec<Disturbance> =
            self.known.iter().chain(seen.faults.values()).copied().collect();
        seen.ends = boundaries(self.warm_up, self.end, &all);
    }

    fn seen(&self) -> RwLockReadGuard<'_, Seen> {
        self.seen.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn phase_at(phases: &[(Duration, &'static str)], time: Duration) -> &'static str {
    phases.iter().find(|(end, _)| time < *end).or(phases.last()).map_or("steady", |(_, name)| name)
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

fn boundaries(warm_up: Duration, end: Duration, disturbances: &[Disturbance]) -> Ends {
    let edges = disturbances.iter().flat_map(|it| [it.start, it.end]).chain([end]);
    let edges: BTreeSet<Duration> = edges.filter(|at| (warm_up..=end).contains(at)).collect();
    let mut phases = vec![(warm_up, WARM_UP)];
    let mut from = warm_up;
    for edge in edges.into_iter().filter(|edge| *edge > warm_up) {
        let name = phase_from(from, disturbances);
        match phases.last_mut() {
            Some(last) if last.1 == name => last.0 = edge,
            _ => phases.push((edge, name)),
        }
        from = edge;
    }
    phases
}

/// The phase that follows this time. A fault within a burst is neither the one nor the other alone.
fn phase_from(time: Duration, disturbances: &[Disturbance]) -> &'static str {
    let begun = || disturbances.iter().filter(|it| it.start <= time);
    let in_force = |name| begun().any(|it| it.name == name && time < it.end);
    match (in_force("burst"), in_force("fault")) {
        (true, true) => "fault-in-burst",
        (true, false) => "burst",
        (false, true) => "fault",
        (false, false) if begun().next().is_some() => "recovery",
        (false, false) => "steady",
    }
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
    fn a_fault_within_a_burst_is_told_from_both() {
        assert_eq!(
            seconds(&[(8, 14, "burst"), (10, 12, "fault"), (13, 16, "fault")]),
            [
                (3, "warm-up"),
                (8, "steady"),
                (10, "burst"),
                (12, "fault-in-burst"),
                (13, "burst"),
                (14, "fault-in-burst"),
                (16, "fault"),
                (30, "recovery")
            ]
        );
        let from_the_start = [(1, 5, "fault"), (2, 4, "burst")];
        let phases = [(3, "warm-up"), (4, "fault-in-burst"), (5, "fault"), (30, "recovery")];
        assert_eq!(seconds(&from_the_start), phases);
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

    #[test]
    fn a_message_belongs_to_the_phase_of_its_intended_time() {
        let seconds = Duration::from_secs;
        let phases = [(seconds(3), "warm-up"), (seconds(8), "steady"), (seconds(10), "fault")];
        assert_eq!(phase_at(&phases, Duration::ZERO), "warm-up");
        assert_eq!(phase_at(&phases, seconds(3)), "steady");
        assert_eq!(phase_at(&phases, seconds(9)), "fault");
        assert_eq!(phase_at(&phases, seconds(99)), "fault");
    }

    #[test]
    fn a_fault_that_the_schedule_does_not_tell_makes_its_phase_when_it_comes() {
        let seconds = Duration::from_secs;
        let phases = Phases::new(seconds(3), seconds(30), &ShapeSpec::Constant, &[]);
        let event = |at: u64, step: FaultStep| {
            let (name, kind) = ("slow".to_owned(), "network_delay".to_owned());
            phases.follow(&FaultEvent { name, kind, at: seconds(at), step });
        };
        assert_eq!(phases.at(seconds(10)), "steady");
        event(8, FaultStep::Installing(Vec::new()));
        assert_eq!(phases.at(seconds(10)), "steady");
        event(9, FaultStep::Installed);
        assert_eq!((phases.at(seconds(8)), phases.at(seconds(10))), ("steady", "fault"));
        event(11, FaultStep::Healed("back".to_owned()));
        assert_eq!((phases.at(seconds(10)), phases.at(seconds(12))), ("fault", "recovery"));
        assert_eq!(phases.of_load(seconds(10)), Phase::Steady);
        let ends = [(3, "warm-up"), (9, "steady"), (11, "fault"), (30, "recovery")];
        assert_eq!(phases.ends(), ends.map(|(end, name)| (seconds(end), name)));
    }
}
