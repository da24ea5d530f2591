//! The blast radius: how much may be down at once, and which faults contradict each other.
//!
//! The rules are few. At any instant the brokers that are up are a majority, and at least one
//! node is up (neither crashed nor paused), unless the scenario asks for another bound. No target
//! is taken down by two faults at once. A fault counts as in force from `at` until `at + for` and
//! a second for its healing, and one with a condition together with each fault without which it
//! cannot hold. Choices that the seed makes are counted in full, so that the rules hold for every
//! seed. They are looked at once more when a fault is due, against what is down then.

use std::collections::BTreeSet;

use super::radius::{Bounds, Limit};
use super::{Entry, ScheduleProblem};
use crate::selector::{Member, Pool, Selector};

pub(super) fn problems(faults: &[Entry], bounds: &Bounds) -> Vec<ScheduleProblem> {
    let mut problems = exclusive(faults);
    for pool in Pool::ALL {
        let claims = claims(faults, pool);
        for claim in &claims {
            // One complaint a fault is enough: a contradiction also counts twice in the sum.
            let problem = contradiction(claim, &claims, pool, bounds)
                .or_else(|| too_many(claim, &claims, pool, bounds))
                .or_else(|| none_free(claim, &claims, pool, bounds));
            problems.extend(problem);
        }
    }
    problems
}

/// A fault that takes members of a pool down.
struct Down<'a> {
    place: usize,
    entry: &'a Entry,
    pool: Pool,
    selector: &'a Selector,
}

impl Down<'_> {
    /// Whether this one is surely in force when that one begins, or is that one.
    fn is_active(&self, beginning: &Self) -> bool {
        let spans = self.entry.span().zip(beginning.entry.span());
        let is_before = spans.is_some_and(|(mine, theirs)| {
            mine.contains(&theirs.start)
                && (mine.start, self.place) < (theirs.start, beginning.place)
        });
        self.place == beginning.place || is_before || beginning.entry.needs(self.entry)
    }

    fn problem(&self, message: String) -> ScheduleProblem {
        let kind = self.entry.spec.fault.kind().kind;
        let field = self.entry.spec.fault.definition().aim().field(self.pool);
        let path = format!("faults[{}].fault.{kind}.{field}", self.entry.index);
        ScheduleProblem { path, message }
    }
}

fn claims(faults: &[Entry], pool: Pool) -> Vec<Down<'_>> {
    let faults = faults.iter().enumerate();
    let down = faults.flat_map(|(place, entry)| {
        let down = entry.down().into_iter();
        down.map(move |(pool, selector)| Down { place, entry, pool, selector })
    });
    down.filter(|down| down.pool == pool).collect()
}

fn contradiction(
    claim: &Down<'_>,
    claims: &[Down<'_>],
    pool: Pool,
    bounds: &Bounds,
) -> Option<ScheduleProblem> {
    let members = pool.members(&bounds.permitted);
    let mine = claim.selector.fixed(members)?;
    let earlier = claims.iter().take_while(|other| other.place != claim.place);
    let overlapping = earlier.filter(|other| other.entry.meets(claim.entry));
    overlapping
        .filter_map(|other| {
            let theirs = other.selector.fixed(members)?;
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
    bounds: &Bounds,
) -> Option<ScheduleProblem> {
    let members = pool.members(&bounds.permitted);
    let active: Vec<&Down<'_>> = claims.iter().filter(|other| other.is_active(claim)).collect();
    let down = union_size(active.iter().copied(), members);
    let Limit { members: all, down_max, rule } = *bounds.limit(pool);
    if down <= down_max {
        return None;
    }
    let others: Vec<String> = active
        .iter()
        .filter(|other| other.place != claim.place)
        .map(|other| format!("{:?}", other.entry.name))
        .collect();
    let with =
        if others.is_empty() { String::new() } else { format!(" with {}", others.join(", ")) };
    let what = pool.name();
    Some(claim.problem(format!(
        "{down} of {all} {what} would be down at once{with}; allowed: up to {down_max}, {rule}"
    )))
}

/// Whether the seed might find no target that is free for the whole of this fault.
fn none_free(
    claim: &Down<'_>,
    claims: &[Down<'_>],
    pool: Pool,
    bounds: &Bounds,
) -> Option<ScheduleProblem> {
    let members = pool.members(&bounds.permitted);
    if claim.selector.fixed(members).is_some() || claim.selector.role().is_some() {
        return None;
    }
    let overlapping =
        claims.iter().filter(|other| other.place != claim.place && other.entry.meets(claim.entry));
    let taken = union_size(overlapping, members);
    let wanted = claim.selector.size(members);
    (taken + wanted > members.len()).then(|| {
        claim.problem(format!(
            "wants {wanted} of {}, of which overlapping faults take up to {taken}; \
             allowed: up to {} here, or fixed names",
            members.len(),
            members.len().saturating_sub(taken)
        ))
    })
}

/// The most members that these faults can have down together.
fn union_size<'a>(claims: impl Iterator<Item = &'a Down<'a>>, members: &[Member]) -> usize {
    let mut fixed = BTreeSet::new();
    let mut drawn = 0;
    for claim in claims {
        match claim.selector.fixed(members) {
            Some(targets) => fixed.extend(targets),
            None => drawn += claim.selector.size(members),
        }
    }
    (fixed.len() + drawn).min(members.len())
}

/// Two faults that do the same sole thing at the same time contradict each other.
fn exclusive(faults: &[Entry]) -> Vec<ScheduleProblem> {
    let mut problems = Vec::new();
    let soles =
        faults.iter().filter_map(|entry| Some((entry, entry.spec.fault.definition().sole()?)));
    let soles: Vec<_> = soles.collect();
    for (position, (entry, sole)) in soles.iter().enumerate() {
        let mut earlier = soles[..position].iter().rev();
        let other = earlier.find(|(other, theirs)| theirs.does == sole.does && other.meets(entry));
        let Some((other, _)) = other else { continue };
        let kind = entry.spec.fault.kind().kind;
        let field = sole.field.map(|field| format!(".{field}")).unwrap_or_default();
        let instead = sole.instead.map(|what| format!("{what}, or ")).unwrap_or_default();
        problems.push(ScheduleProblem {
            path: format!("faults[{}].fault.{kind}{field}", entry.index),
            message: format!(
                "contradicts {:?}, which {} at the same time; \
                 allowed: {instead}a second between the two",
                other.name, sole.does
            ),
        });
    }
    problems
}
