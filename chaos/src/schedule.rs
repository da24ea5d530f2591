//! From a list of faults to a plan: checked as a whole, then drawn from a seed.
//!
//! What is checked here holds for every seed, so that nothing that was accepted can turn out
//! to be harmful when the open choices are drawn.

mod blast;
pub mod condition;
pub mod cue;
pub mod radius;
#[cfg(test)]
mod tests;
mod timing;
pub mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use self::condition::Condition;
use self::cue::Cue;
use self::radius::{BlastRadius, Bounds};
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
const NUMBER_MARK: &str = " #";

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
    bounds: Bounds,
}

/// A fault of the list, or one of its times where it comes at several.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    /// Place in the list.
    index: usize,
    /// Number among the times of the same fault, from 0.
    number: u32,
    /// Name in reports.
    name: String,
    /// Name in the list, by which conditions know it.
    listed: String,
    cue: Cue,
    spec: FaultSpec,
}

/// One fault with its targets drawn, ready to be conducted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedFault {
    /// The name in reports, unique in the plan.
    pub name: String,
    /// The name in the scenario, which faults share that are times of the same.
    pub listed: String,
    /// When it is due.
    pub cue: Cue,
    /// How long it lasts at most until it is healed.
    #[serde(with = "humantime_serde")]
    pub hold: Duration,
    /// What is done to whom.
    pub action: Action,
    /// What it may hit of its pool: what it was drawn to hit, then what may stand in for one of
    /// those that is down when it is due, in this order. A broker found by its role is in it.
    pub reach: Vec<String>,
    /// The most members that may be down at once, of each pool of which this takes any down.
    pub down_max: Vec<usize>,
}

/// Checks a whole list of faults against what there is and how long the load lasts, of which no
/// more than [`LOAD_MAX`] counts.
///
/// # Errors
/// Every problem there is, each with its place and the allowed values.
pub fn validate(
    specs: &[FaultSpec],
    radius: &BlastRadius,
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
    let bounds = radius.bounds(inventory, &mut problems);
    let names = names(specs, &mut problems);
    let mut faults = Vec::new();
    for (index, (name, spec)) in names.iter().zip(specs).enumerate() {
        let cues = timing::cues(index, spec, load, &mut problems);
        faults.extend(entries(index, name, spec, cues));
        check_references(index, spec, &names, &mut problems);
        let path = format!("faults[{index}].fault.{}", spec.fault.kind().kind);
        let (bounds, hold) = (&bounds, spec.r#for);
        let mut check = Check { path, inventory, bounds, hold, problems: &mut problems };
        let definition = spec.fault.definition();
        definition.aim().check(&mut check);
        definition.check(&mut check);
    }
    if faults.len() > FAULTS_MAX {
        let message = format!("{} faults in all; allowed: up to {FAULTS_MAX}", faults.len());
        problems.push(ScheduleProblem { path: "faults".to_owned(), message });
    }
    // Sums over unsound selectors would only repeat the same complaint in other words.
    if problems.is_empty() {
        problems = blast::problems(&faults, &bounds);
        // Times of the same fault have the same place in the file.
        let mut seen = BTreeSet::new();
        problems.retain(|problem| seen.insert(problem.path.clone()));
    }
    if problems.is_empty() { Ok(Schedule { faults, bounds }) } else { Err(problems) }
}

impl Schedule {
    /// Whether there is no fault at all.
    pub fn is_empty(&self) -> bool {
        self.faults.is_empty()
    }

    /// Draws every open choice. The same seed gives the same plan, sorted by the time at which each
    /// may first be due. Targets that another fault has down at the same time are avoided while
    /// there are others.
    pub fn resolve(&self, seed: u64) -> Vec<PlannedFault> {
        let mut order: Vec<usize> = (0..self.faults.len()).collect();
        order.sort_by_key(|place| (self.faults[*place].cue.earliest(), *place));
        let mut down: BTreeMap<usize, BTreeSet<String>> = self.fixed_claims();
        let mut plan = Vec::with_capacity(order.len());
        for place in order {
            let entry = &self.faults[place];
            let others = down.iter().filter(|(other, _)| **other != place);
            let avoid = others
                .filter(|(other, _)| self.faults[**other].meets(entry))
                .flat_map(|(_, targets)| targets.iter().cloned())
                .collect();
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            // A stream each: a fault added later in the list leaves the draws before it alone.
            random.set_stream(entry.index as u64 | u64::from(entry.number) << 32);
            let mut draw = Draw { inventory: &self.bounds.permitted, random, avoid };
            let action = draw.action(&entry.spec.fault);
            let taken = action.takes_down().into_iter().flat_map(|(_, targets)| targets);
            down.insert(place, taken.cloned().collect());
            let reach = draw.reach(&action);
            plan.push(self.planned(entry, action, reach));
        }
        plan
    }

    fn planned(&self, entry: &Entry, action: Action, reach: Vec<String>) -> PlannedFault {
        let down = entry.down().into_iter();
        PlannedFault {
            name: entry.name.clone(),
            listed: entry.listed.clone(),
            cue: entry.cue.clone(),
            hold: entry.spec.r#for,
            action,
            reach,
            down_max: down.map(|(pool, _)| self.bounds.limit(pool).down_max).collect(),
        }
    }

    /// What is down whatever the seed, so that random draws keep away from it.
    fn fixed_claims(&self) -> BTreeMap<usize, BTreeSet<String>> {
        let claims = self.faults.iter().enumerate();
        claims
            .filter_map(|(place, entry)| {
                let down = entry.down().into_iter();
                let fixed = down
                    .map(|(pool, selector)| selector.fixed(pool.members(&self.bounds.permitted)));
                let fixed: Vec<BTreeSet<String>> = fixed.collect::<Option<_>>()?;
                Some((place, fixed.into_iter().flatten().collect()))
            })
            .collect()
    }
}

impl Entry {
    /// What this fault takes down: of which pools, and which of each.
    fn down(&self) -> Vec<(Pool, &Selector)> {
        self.spec.fault.definition().down()
    }

    /// From when until when it is in force, healing included, where its time is known.
    fn span(&self) -> Option<Range<Duration>> {
        let start = self.cue.time()?;
        Some(start..start.saturating_add(self.spec.r#for).saturating_add(HEALING))
    }

    /// Whether the two are surely in force at the same time. What only may be is looked at when
    /// the fault is due.
    fn meets(&self, other: &Self) -> bool {
        let spans = self.span().zip(other.span());
        let overlap =
            |(a, b): (Range<Duration>, Range<Duration>)| a.start < b.end && b.start < a.end;
        spans.is_some_and(overlap) || self.needs(other) || other.needs(self)
    }

    /// Whether this one is only in force while the other is. The times of one fault are alike, so
    /// that its first stands for all.
    fn needs(&self, other: &Self) -> bool {
        let FaultSpec { when, r#while, .. } = &self.spec;
        let mut needed = [when, r#while].into_iter().flatten().flat_map(Condition::needs);
        other.number == 0 && needed.any(|name| name == other.listed)
    }
}

/// A fault of the list, once for each of its known times.
fn entries(index: usize, listed: &str, spec: &FaultSpec, cues: Vec<Cue>) -> Vec<Entry> {
    let single = cues.len() == 1;
    let entry = |(number, cue): (u32, Cue)| Entry {
        index,
        number,
        name: if single { listed.to_owned() } else { occurrence(listed, number + 1) },
        listed: listed.to_owned(),
        cue,
        spec: spec.clone(),
    };
    (0..).zip(cues).map(entry).collect()
}

impl PlannedFault {
    /// This fault as it comes for the first, second or further time.
    pub(crate) fn numbered(&self, number: u32) -> Self {
        let single = self.cue.count() == 1;
        let name = if single { self.name.clone() } else { occurrence(&self.listed, number) };
        Self { name, ..self.clone() }
    }
}

/// The name in reports of the first, second and further time of a fault.
fn occurrence(listed: &str, number: u32) -> String {
    format!("{listed}{NUMBER_MARK}{number}")
}

/// A condition may only name another fault of the list.
fn check_references(
    index: usize,
    spec: &FaultSpec,
    names: &[String],
    problems: &mut Vec<ScheduleProblem>,
) {
    let others = || names.iter().enumerate().filter(|(place, _)| *place != index);
    for (field, condition) in [("when", &spec.when), ("while", &spec.r#while)] {
        let named = condition.iter().flat_map(Condition::faults);
        for name in named.filter(|name| others().all(|(_, other)| other != name)) {
            let allowed: Vec<&str> = others().map(|(_, name)| name.as_str()).collect();
            let message =
                format!("no other fault is called {name:?}; allowed: {}", allowed.join(", "));
            problems.push(ScheduleProblem { path: format!("faults[{index}].{field}"), message });
        }
    }
}

fn names(specs: &[FaultSpec], problems: &mut Vec<ScheduleProblem>) -> Vec<String> {
    let mut first_use: BTreeMap<String, usize> = BTreeMap::new();
    let mut names = Vec::with_capacity(specs.len());
    for (index, spec) in specs.iter().enumerate() {
        let unnamed = || format!("{}-{}", spec.fault.kind().kind, index + 1);
        let name = spec.name.clone().unwrap_or_else(unnamed);
        let path = format!("faults[{index}].name");
        let is_short = (1..=NAME_BYTES_MAX).contains(&name.len());
        // What follows on the mark is the number of a fault that comes several times.
        if !is_short || name.contains(NUMBER_MARK) || name.chars().any(char::is_control) {
            let allowed = format!("1 to {NAME_BYTES_MAX} printable bytes without {NUMBER_MARK:?}");
            let message = format!("unfit name; allowed: {allowed}");
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
