//! What is in force while a plan is played, and whether a fault may be added to it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::injector::Action;
use crate::schedule::PlannedFault;
use crate::schedule::view::{Reading, View};
use crate::selector::Pool;

/// What is in force.
#[derive(Default)]
pub(super) struct Stage {
    /// Faults not yet over, in the order in which they were admitted.
    order: Vec<usize>,
    /// Names in the scenario of those that are installed.
    installed: BTreeMap<usize, String>,
    /// Whether any ever was.
    disturbed: bool,
    /// Targets that are down, each with the fault that did it.
    down: BTreeMap<(Pool, String), String>,
    /// What only one fault at a time can do, each with the fault that does it.
    sole: BTreeMap<String, String>,
}

impl Stage {
    /// The run as conditions see it.
    pub(super) fn view(&self, time: Duration, reading: Reading) -> View {
        let faults = self.installed.values().cloned().collect::<BTreeSet<String>>();
        View { time, reading, faults, disturbed: self.disturbed }
    }

    /// Checks the blast radius and contradictions against what is in force now, finds stand-ins for
    /// drawn targets that are down, and claims what the fault will do.
    pub(super) fn admit(&mut self, index: usize, fault: &mut PlannedFault) -> Result<(), String> {
        let sole = fault.action.sole();
        if let Some((does, other)) = sole.as_ref().and_then(|does| self.sole.get_key_value(does)) {
            return Err(format!("contradicts {other:?}, which {does} now"));
        }
        for (pool, chosen) in self.choose(fault)? {
            let claimed = chosen.iter().map(|name| ((pool, name.clone()), fault.name.clone()));
            self.down.extend(claimed);
            *fault.action.targets.of_mut(pool) = chosen;
        }
        self.sole.extend(sole.map(|does| (does, fault.name.clone())));
        self.order.push(index);
        Ok(())
    }

    /// Whom the fault takes down, by their pools.
    fn choose(&self, fault: &PlannedFault) -> Result<Vec<(Pool, Vec<String>)>, String> {
        let wanted = fault.action.takes_down();
        // Nobody stands in for what is chosen from several pools: it is never drawn.
        let is_single = wanted.len() == 1;
        let mut all = Vec::with_capacity(wanted.len());
        for (place, (pool, targets)) in wanted.into_iter().enumerate() {
            let reach = if is_single { &fault.reach } else { targets };
            let chosen = self.free(pool, targets, reach)?;
            let down = self.down.keys().filter(|(other, _)| *other == pool).count();
            let more = chosen.len();
            if let Some(allowed) = fault.down_max.get(place)
                && down + more > *allowed
            {
                return Err(format!("{down} down already and {more} more; allowed: {allowed}"));
            }
            all.push((pool, chosen));
        }
        Ok(all)
    }

    /// As many as were drawn, of those that are up; the drawn ones come first in its reach.
    fn free(&self, pool: Pool, drawn: &[String], reach: &[String]) -> Result<Vec<String>, String> {
        let breaker = |name: &String| self.down.get(&(pool, name.clone()));
        let free = reach.iter().filter(|name| breaker(name).is_none());
        let chosen: Vec<String> = free.take(drawn.len()).cloned().collect();
        if chosen.len() == drawn.len() {
            return Ok(chosen);
        }
        let spared = drawn.iter().find_map(|name| Some((name, breaker(name)?)));
        Err(match spared {
            Some((name, other)) => format!("{name} is still down by {other:?}"),
            None => "no target is left that it may hit".to_owned(),
        })
    }

    /// It is installed: from now on conditions know it.
    pub(super) fn installed(&mut self, index: usize, fault: &PlannedFault) {
        self.installed.insert(index, fault.listed.clone());
        self.disturbed = true;
    }

    /// Whether everything that was admitted later is over.
    pub(super) fn is_last(&self, index: usize) -> bool {
        self.order.last().is_none_or(|last| *last == index)
    }

    /// The fault is over and its targets are back.
    pub(super) fn release(&mut self, index: usize, action: &Action) {
        for (pool, targets) in action.takes_down() {
            for target in targets {
                self.down.remove(&(pool, target.clone()));
            }
        }
        if let Some(does) = action.sole() {
            self.sole.remove(&does);
        }
        self.leave(index);
    }

    /// The fault is over, but nobody knows whether its targets are back: they stay counted.
    pub(super) fn leave(&mut self, index: usize) {
        self.order.retain(|other| *other != index);
        self.installed.remove(&index);
    }
}
