//! From a list of faults to a plan: checked as a whole, then drawn from a seed.
//!
//! What is checked here holds for every seed, so that nothing that was accepted can turn out
//! to be harmful when the open choices are drawn.

mod blast;
pub mod condition;
pub mod cue;
#[cfg(test)]
mod tests;
pub mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::fault::{Check, Draw, FaultSpec};
use crate::injector::Action;
use crate::selector::{Inventory, Pool, Selector};

/// The most faults in one schedule.
pub const FAULTS_MAX: usize = 256;
/// The shortest fault: below it there is no time to see evidence.
pub const HOLD_MIN: Duration = Duration::from_millis(100);
/// Between two faults that may not overlap there is at least this much, for the healing.
pub const HEALING: Duration = Duration::from_secs(1);

/// The longest load that a schedule can be laid over.
pub const LOAD_MAX: Duration = Duration::from_secs(366 * 24 * 3600);

const NAME_BYTES_MAX: usize = 64;

/// What is wrong with a schedule, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{path}: {message}")]
pub struct ScheduleProblem {
    /// The place in the file, such as `faults[2].fault.node_crash.nodes`.
    pub path: String,
    /// What is wrong and what is allowed.
    pub message: String,
}

/// A list of faults that was found to be sound for its inventory, whatever the seed.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    faults: Vec<Entry>,
    inventory: Inventory,
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    name: String,
    spec: FaultSpec,
}

/// One fault with its targets drawn, ready to be conducted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedFault {
    /// The name in reports, unique in the plan.
    pub name: String,
    /// When it is due, from the start of the load.
    #[serde(with = "humantime_serde")]
    pub due: Duration,
    /// How long it lasts until it is healed.
    #[serde(with = "humantime_serde")]
    pub hold: Duration,
    /// What is done to whom.
    pub action: Action,
    /// The most targets of this pool that may be down at once, if this takes any down.
    pub down_max: Option<usize>,
}

/// Checks a whole list of faults against what there is and how long the load lasts, of which no
/// more than [`LOAD_MAX`] counts.
///
/// # Errors
/// Every problem there is, each with its place and the allowed values.
pub fn validate(
    specs: &[FaultSpec],
    inventory: &Inventory,
    load: Duration,
) -> Result<Schedule, Vec<ScheduleProblem>> {
    if specs.len() > FAULTS_MAX {
        let message = format!("{} faults; allowed: up to {FAULTS_MAX}", specs.len());
        return Err(vec![ScheduleProblem { path: "faults".to_owned(), message }]);
    }
    // Within this bound no sum of times can overflow.
    let load = load.min(LOAD_MAX);
    let mut problems = Vec::new();
    let names = names(specs, &mut problems);
    for (index, spec) in specs.iter().enumerate() {
        check_times(index, spec, load, &mut problems);
        let path = format!("faults[{index}].fault.{}", spec.fault.kind().kind);
        let mut check = Check { path, inventory, hold: spec.r#for, problems: &mut problems };
        let definition = spec.fault.definition();
        definition.aim().check(&mut check);
        definition.check(&mut check);
    }
    let faults: Vec<Entry> = names
        .into_iter()
        .zip(specs)
        .map(|(name, spec)| Entry { name, spec: spec.clone() })
        .collect();
    // Sums over unsound selectors would only repeat the same complaint in other words.
    if problems.is_empty() {
        problems = blast::problems(&faults, inventory);
    }
    if problems.is_empty() {
        Ok(Schedule { faults, inventory: inventory.clone() })
    } else {
        Err(problems)
    }
}

impl Schedule {
    /// Whether there is no fault at all.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// Draws every open choice. The same seed gives the same plan, sorted by due time. Targets
    /// that another fault has down at the same time are avoided while there are others.
    pub fn resolve(&self, seed: u64) -> Vec<PlannedFault> {
        let mut order: Vec<usize> = (0..self.faults.len()).collect();
        order.sort_by_key(|index| (self.faults[*index].spec.at, *index));
        let mut down: BTreeMap<usize, BTreeSet<String>> = self.fixed_claims();
        let mut plan = Vec::with_capacity(order.len());
        for index in order {
            let entry = &self.faults[index];
            let others = down.iter().filter(|(other, _)| **other != index);
            let avoid = others
                .filter(|(other, _)| self.faults[**other].overlaps(entry))
                .flat_map(|(_, targets)| targets.iter().cloned())
                .collect();
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            // A stream each: a fault added later in the list leaves the draws before it alone.
            random.set_stream(index as u64);
            let draw = Draw { inventory: &self.inventory, random, avoid };
            let action = draw.action(&entry.spec.fault);
            let taken = action.takes_down().map_or(&[][..], |(_, targets)| targets);
            down.insert(index, taken.iter().cloned().collect());
            plan.push(self.planned(entry, action));
        }
        plan
    }

    fn planned(&self, entry: &Entry, action: Action) -> PlannedFault {
        let pool = entry.down().map(|(pool, _)| pool);
        PlannedFault {
            name: entry.name.clone(),
            due: entry.spec.at,
            hold: entry.spec.r#for,
            action,
            down_max: pool.map(|pool| blast::down_max(pool, &self.inventory)),
        }
    }

    /// What is down whatever the seed, so that random draws keep away from it.
    fn fixed_claims(&self) -> BTreeMap<usize, BTreeSet<String>> {
        let claims = self.faults.iter().enumerate();
        claims
            .filter_map(|(index, entry)| {
                let (pool, selector) = entry.down()?;
                Some((index, selector.fixed(pool.names(&self.inventory))?))
            })
            .collect()
    }
}

impl Entry {
    /// What this fault takes down: of which pool, and which of it.
    fn down(&self) -> Option<(Pool, &Selector)> {
        let definition = self.spec.fault.definition();
        definition.aim().choice().filter(|_| definition.takes_down())
    }

    fn end(&self) -> Duration {
        self.spec.at.saturating_add(self.spec.r#for).saturating_add(HEALING)
    }

    /// Whether the two are in force at the same time, healing included.
    fn overlaps(&self, other: &Self) -> bool {
        self.spec.at < other.end() && other.spec.at < self.end()
    }
}

fn names(specs: &[FaultSpec], problems: &mut Vec<ScheduleProblem>) -> Vec<String> {
    let mut first_use: BTreeMap<String, usize> = BTreeMap::new();
    let mut names = Vec::with_capacity(specs.len());
    for (index, spec) in specs.iter().enumerate() {
        let unnamed = || format!("{}-{}", spec.fault.kind().kind, index + 1);
        let name = spec.name.clone().unwrap_or_else(unnamed);
        let path = format!("faults[{index}].name");
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
            let message = format!("unfit name; allowed: 1 to {NAME_BYTES_MAX} printable bytes");
            problems.push(ScheduleProblem { path, message });
        } else if let Some(first) = first_use.get(&name) {
            let message = format!("name {name:?} is already that of faults[{first}]");
            problems.push(ScheduleProblem { path, message });
        } else {
            first_use.insert(name.clone(), index);
        }
        names.push(name);
    }
    names
}

fn check_times(
    index: usize,
    spec: &FaultSpec,
    load: Duration,
    problems: &mut Vec<ScheduleProblem>,
) {
    let text = |duration: Duration| humantime::format_duration(duration).to_string();
    let mut problem = |field: &str, message: String| {
        problems.push(ScheduleProblem { path: format!("faults[{index}].{field}"), message });
    };
    if spec.r#for < HOLD_MIN {
        let message = format!("lasts {}; allowed: {} and above", text(spec.r#for), text(HOLD_MIN));
        problem("for", message);
    }
    let end = spec.at.saturating_add(spec.r#for);
    if spec.at >= load {
        problem("at", format!("due at {}; allowed: before {}", text(spec.at), text(load)));
    } else if end > load {
        let message = format!(
            "ends at {}, after the load; allowed: at most {}, so that at + for is within {}",
            text(end),
            text(load - spec.at),
            text(load)
        );
        problem("for", message);
    }
}
