//! The blast radius: how much may be down at once, and which faults contradict each other.
//!
//! The rules are few. At any instant the brokers that are up are a majority, and at least one
//! node is up (neither crashed nor paused). No target is taken down by two faults at once. A
//! fault counts as in force from `at` until `at + for` and a second for its healing. Choices that
//! the seed makes are counted in full, so that the rules hold for every seed.

use std::collections::BTreeSet;

use super::{Entry, ScheduleProblem};
use crate::selector::{Inventory, Pool, Selector};

/// The most members of a pool that may be down at once.
pub(super) fn down_max(pool: Pool, inventory: &Inventory) -> usize {
    let members = pool.names(inventory).len();
    match pool {
        Pool::Nodes => members.saturating_sub(1),
        Pool::Brokers => members.saturating_sub(1) / 2,
    }
}

pub(super) fn problems(faults: &[Entry], inventory: &Inventory) -> Vec<ScheduleProblem> {
    let mut problems = exclusive(faults);
    for pool in [Pool::Nodes, Pool::Brokers] {
        let claims = claims(faults, pool);
        for claim in &claims {
            // One complaint a fault is enough: a contradiction also counts twice in the sum.
            let problem = contradiction(claim, &claims, pool, inventory)
                .or_else(|| too_many(claim, &claims, pool, inventory))
                .or_else(|| none_free(claim, &claims, pool, inventory));
            problems.extend(problem);
        }
    }
    problems
}

/// A fault that takes members of a pool down.
struct Down<'a> {
    index: usize,
    entry: &'a Entry,
    pool: Pool,
    selector: &'a Selector,
}

impl Down<'_> {
    fn problem(&self, message: String) -> ScheduleProblem {
        let kind = self.entry.spec.fault.kind().kind;
        let path = format!("faults[{}].fault.{kind}.{}", self.index, self.pool.name());
        ScheduleProblem { path, message }
    }
}

fn claims(faults: &[Entry], pool: Pool) -> Vec<Down<'_>> {
    let faults = faults.iter().enumerate();
    let down = faults.filter_map(|(index, entry)| {
        let (pool, selector) = entry.down()?;
        Some(Down { index, entry, pool, selector })
    });
    down.filter(|down| down.pool == pool).collect()
}

fn contradiction(
    claim: &Down<'_>,
    claims: &[Down<'_>],
    pool: Pool,
    inventory: &Inventory,
) -> Option<ScheduleProblem> {
    let names = pool.names(inventory);
    let mine = claim.selector.fixed(names)?;
    let earlier = claims.iter().take_while(|other| other.index != claim.index);
    let overlapping = earlier.filter(|other| other.entry.overlaps(claim.entry));
    overlapping
        .filter_map(|other| {
            let theirs = other.selector.fixed(names)?;
            let shared: Vec<&str> = mine.intersection(&theirs).map(String::as_str).collect();
            (!shared.is_empty()).then(|| {
                claim.problem(format!(
                    "contradicts {:?}, which has {} down at the same time; \
                     allowed: other targets, or a second between the two",
                    other.entry.name,
                    shared.join(", ")
                ))
            })
        })
        .next()
}

/// Whether too much is down at the instant this fault begins. The most is always down when one
/// begins, so that looking at these instants is enough.
fn too_many(
    claim: &Down<'_>,
    claims: &[Down<'_>],
    pool: Pool,
    inventory: &Inventory,
) -> Option<ScheduleProblem> {
    let names = pool.names(inventory);
    let at = claim.entry.spec.at;
    let active: Vec<&Down<'_>> = claims
        .iter()
        .filter(|other| other.entry.spec.at <= at && at < other.entry.end())
        .filter(|other| (other.entry.spec.at, other.index) <= (at, claim.index))
        .collect();
    let down = union_size(active.iter().copied(), names);
    let allowed = down_max(pool, inventory);
    if down <= allowed {
        return None;
    }
    let others: Vec<String> = active
        .iter()
        .filter(|other| other.index != claim.index)
        .map(|other| format!("{:?}", other.entry.name))
        .collect();
    let with =
        if others.is_empty() { String::new() } else { format!(" with {}", others.join(", ")) };
    let (what, rule) = match pool {
        Pool::Nodes => ("nodes", "at least one stays up"),
        Pool::Brokers => ("brokers", "a majority stays up"),
    };
    Some(claim.problem(format!(
        "{down} of {} {what} would be down at once{with}; allowed: up to {allowed}, so that {rule}",
        names.len()
    )))
}

/// Whether the seed might find no target that is free for the whole of this fault.
fn none_free(
    claim: &Down<'_>,
    claims: &[Down<'_>],
    pool: Pool,
    inventory: &Inventory,
) -> Option<ScheduleProblem> {
    let names = pool.names(inventory);
    if claim.selector.fixed(names).is_some() || claim.selector.role().is_some() {
        return None;
    }
    let overlapping = claims
        .iter()
        .filter(|other| other.index != claim.index && other.entry.overlaps(claim.entry));
    let taken = union_size(overlapping, names);
    let wanted = claim.selector.size(names.len());
    (taken + wanted > names.len()).then(|| {
        claim.problem(format!(
            "wants {wanted} of {}, of which overlapping faults take up to {taken}; \
             allowed: up to {} here, or fixed names",
            names.len(),
            names.len().saturating_sub(taken)
        ))
    })
}

/// The most members that these faults can have down together.
fn union_size<'a>(claims: impl Iterator<Item = &'a Down<'a>>, names: &[String]) -> usize {
    let mut fixed = BTreeSet::new();
    let mut drawn = 0;
    for claim in claims {
        match claim.selector.fixed(names) {
            Some(targets) => fixed.extend(targets),
            None => drawn += claim.selector.size(names.len()),
        }
    }
    (fixed.len() + drawn).min(names.len())
}

/// Two faults that do the same sole thing at the same time contradict each other.
fn exclusive(faults: &[Entry]) -> Vec<ScheduleProblem> {
    let mut problems = Vec::new();
    let soles = faults
        .iter()
        .enumerate()
        .filter_map(|(index, entry)| Some((index, entry, entry.spec.fault.definition().sole()?)));
    let soles: Vec<_> = soles.collect();
    for (position, (index, entry, sole)) in soles.iter().enumerate() {
        let mut earlier = soles[..position].iter().rev();
        let other =
            earlier.find(|(_, other, theirs)| theirs.does == sole.does && other.overlaps(entry));
        let Some((_, other, _)) = other else { continue };
        let kind = entry.spec.fault.kind().kind;
        let field = sole.field.map(|field| format!(".{field}")).unwrap_or_default();
        let instead = sole.instead.map(|what| format!("{what}, or ")).unwrap_or_default();
        problems.push(ScheduleProblem {
            path: format!("faults[{index}].fault.{kind}{field}"),
            message: format!(
                "contradicts {:?}, which {} at the same time; \
                 allowed: {instead}a second between the two",
                other.name, sole.does
            ),
        });
    }
    problems
}
