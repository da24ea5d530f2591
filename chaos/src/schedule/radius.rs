//! The blast radius that a scenario sets: who may be hit, and how many may be down at once.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ScheduleProblem;
use crate::selector::{Inventory, Member, Pool, Selector, list};

/// How far faults may reach. It binds every fault that chooses nodes or brokers, whether it takes
/// them down or not; what was found by role is held to it when the fault is due.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BlastRadius {
    /// Only these may be hit; all by default.
    pub allow: Reach,
    /// These are never hit, even if they are allowed; none by default.
    pub deny: Reach,
    /// The most nodes that may be down at once; by default all but one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "usize")]
    pub nodes_down: Option<usize>,
    /// The most brokers that may be down at once; by default less than half of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "usize")]
    pub brokers_down: Option<usize>,
}

/// Nodes and brokers by `all`, `name`, `names`, `zone` or `label`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Reach {
    /// Which nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Selector")]
    pub nodes: Option<Selector>,
    /// Which brokers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Selector")]
    pub brokers: Option<Selector>,
}

impl BlastRadius {
    /// Whether it asks for nothing of its own.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Lays it over what there is, and collects what is wrong with it.
    pub(super) fn bounds(
        &self,
        inventory: &Inventory,
        problems: &mut Vec<ScheduleProblem>,
    ) -> Bounds {
        let mut permitted = |pool| self.permitted(pool, inventory, problems);
        let (nodes, brokers) = (permitted(Pool::Nodes), permitted(Pool::Brokers));
        let permitted = Inventory { nodes, brokers, ..*inventory };
        let mut limit = |pool, asked| Limit::new(pool, asked, inventory, problems);
        let nodes = limit(Pool::Nodes, self.nodes_down);
        let brokers = limit(Pool::Brokers, self.brokers_down);
        Bounds { permitted, nodes, brokers }
    }

    fn permitted(
        &self,
        pool: Pool,
        inventory: &Inventory,
        problems: &mut Vec<ScheduleProblem>,
    ) -> Vec<Member> {
        let members = pool.members(inventory);
        let mut chosen = |field: &str, reach: &Reach| {
            let selector = reach.of(pool)?;
            let path = format!("blast_radius.{field}.{}", pool.name());
            let fixed = selector.fixed(members);
            let mut found = selector.problems(pool, inventory);
            if found.is_empty() && fixed.is_none() {
                found.push("not known beforehand; allowed: all, name, names, zone, label".into());
            }
            let found = found.into_iter();
            problems.extend(found.map(|message| ScheduleProblem { path: path.clone(), message }));
            fixed
        };
        let (allowed, denied) = (chosen("allow", &self.allow), chosen("deny", &self.deny));
        let is_permitted = |member: &&Member| {
            allowed.as_ref().is_none_or(|names| names.contains(&member.name))
                && denied.as_ref().is_none_or(|names| !names.contains(&member.name))
        };
        members.iter().filter(is_permitted).cloned().collect()
    }
}

impl Reach {
    fn of(&self, pool: Pool) -> Option<&Selector> {
        match pool {
            Pool::Nodes => self.nodes.as_ref(),
            Pool::Brokers => self.brokers.as_ref(),
        }
    }
}

/// A blast radius laid over an inventory.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bounds {
    /// What may be hit.
    pub(super) permitted: Inventory,
    nodes: Limit,
    brokers: Limit,
}

/// How many of a pool may be down at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Limit {
    /// Members of the pool.
    pub(super) members: usize,
    /// The most of them that may be down.
    pub(super) down_max: usize,
    /// Why, in words that follow on a comma.
    pub(super) rule: &'static str,
}

impl Bounds {
    pub(super) fn limit(&self, pool: Pool) -> &Limit {
        match pool {
            Pool::Nodes => &self.nodes,
            Pool::Brokers => &self.brokers,
        }
    }

    /// What is wrong with a selector that is sound in itself.
    pub(crate) fn problem(
        &self,
        selector: &Selector,
        pool: Pool,
        inventory: &Inventory,
    ) -> Option<String> {
        let permitted = pool.members(&self.permitted);
        let is_permitted = |name: &String| permitted.iter().any(|member| member.name == *name);
        let fixed = selector.fixed(pool.members(inventory)).unwrap_or_default();
        let what = match fixed.into_iter().find(|name| !is_permitted(name)) {
            Some(name) => format!("{name} is outside the blast radius"),
            None if permitted.is_empty() => format!("no {} are in the blast radius", pool.name()),
            None => match selector {
                Selector::Count(count) if *count > permitted.len() => {
                    let (within, pool) = (permitted.len(), pool.name());
                    format!("count {count} of {pool}, of which {within} are in the blast radius")
                }
                _ => return None,
            },
        };
        let allowed = if permitted.is_empty() { "none".to_owned() } else { list(permitted) };
        Some(format!("{what}; allowed: {allowed}"))
    }
}

impl Limit {
    fn new(
        pool: Pool,
        asked: Option<usize>,
        inventory: &Inventory,
        problems: &mut Vec<ScheduleProblem>,
    ) -> Self {
        let members = pool.members(inventory).len();
        if let Some(asked) = asked.filter(|asked| *asked > members) {
            let path = format!("blast_radius.{}_down", pool.name());
            let message = format!("{asked} of {members}; allowed: 0 to {members}");
            problems.push(ScheduleProblem { path, message });
        }
        let (default, rule) = match pool {
            Pool::Nodes => (members.saturating_sub(1), "so that at least one stays up"),
            Pool::Brokers => (members.saturating_sub(1) / 2, "so that a majority stays up"),
        };
        match asked {
            Some(down_max) => Self { members, down_max, rule: "as the blast radius says" },
            None => Self { members, down_max: default, rule },
        }
    }
}
