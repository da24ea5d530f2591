//! What a fault is aimed at: how that is checked, and how open choices are drawn from the seed.

use std::collections::BTreeSet;
use std::time::Duration;

use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{Fault, Workers, text};
use crate::injector::{Action, Targets};
use crate::schedule::ScheduleProblem;
use crate::schedule::radius::Bounds;
use crate::selector::{API_SERVER, Group, Inventory, OPERATOR, Pool, Role, Selector, TopicRole};

/// What a fault is aimed at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Aim<'a> {
    /// Nodes, in the field `nodes`.
    Nodes(&'a Selector),
    /// Brokers, in the field `brokers`.
    Brokers(&'a Selector),
    /// All nodes and brokers of a zone, in the field `zone`.
    Zone(&'a Selector),
    /// Workers of the job, found when the fault is due.
    Workers(Workers),
    /// The network between two groups, in the field `between`.
    Between(&'a (Group, Group)),
    /// A partition of a topic: whoever leads it when the fault is due is hit.
    Partition(TopicRole, i32),
    /// Whoever is the active controller when the fault is due.
    Controller,
    /// Something that is there once, by its name in reports.
    Named(&'static str),
}

impl<'a> Aim<'a> {
    /// The one pool that is chosen from, and the choice.
    pub(crate) fn choice(self) -> Option<(Pool, &'a Selector)> {
        match self {
            Self::Nodes(selector) => Some((Pool::Nodes, selector)),
            Self::Brokers(selector) => Some((Pool::Brokers, selector)),
            Self::Zone(_)
            | Self::Workers(_)
            | Self::Between(_)
            | Self::Partition(..)
            | Self::Controller
            | Self::Named(_) => None,
        }
    }

    /// Every pool that is chosen from, and the choice.
    pub(crate) fn choices(self) -> Vec<(Pool, &'a Selector)> {
        match self {
            Self::Zone(zone) => Pool::ALL.map(|pool| (pool, zone)).to_vec(),
            other => other.choice().into_iter().collect(),
        }
    }

    /// The field that chooses from a pool.
    pub(crate) fn field(self, pool: Pool) -> &'static str {
        if matches!(self, Self::Zone(_)) { "zone" } else { pool.name() }
    }

    /// The broker to be found when the fault is due, if there is one.
    pub(crate) fn role(self) -> Option<Role> {
        match self {
            Self::Brokers(selector) => selector.role(),
            Self::Between(between) => {
                [&between.0, &between.1].into_iter().find_map(|group| match group {
                    Group::Brokers(selector) => selector.role(),
                    Group::Nodes(_) | Group::Operator | Group::ApiServer => None,
                })
            }
            Self::Partition(topic, partition) => Some(Role::LeaderOf { topic, partition }),
            Self::Controller => Some(Role::Controller),
            Self::Nodes(_) | Self::Zone(_) | Self::Workers(_) | Self::Named(_) => None,
        }
    }

    /// Adds what is wrong with it.
    pub(crate) fn check(self, check: &mut Check<'_>) {
        match self {
            Self::Zone(zone) => check.zone(zone),
            Self::Between(between) => check.between(between),
            Self::Partition(..) | Self::Controller => check.found_when_due(),
            other => {
                if let Some((pool, selector)) = other.choice() {
                    check.selector(other.field(pool), selector, pool);
                }
            }
        }
    }

    fn draw(self, draw: &mut Draw<'_>) -> Targets {
        let mut targets = Targets::default();
        match self {
            Self::Nodes(selector) => targets.nodes = draw.names(selector, Pool::Nodes),
            Self::Brokers(selector) => targets.brokers = draw.names(selector, Pool::Brokers),
            Self::Zone(zone) => {
                targets.nodes = draw.names(zone, Pool::Nodes);
                targets.brokers = draw.names(zone, Pool::Brokers);
            }
            Self::Between(between) => {
                for group in [&between.0, &between.1] {
                    match group {
                        Group::Nodes(nodes) => targets.clients = draw.names(nodes, Pool::Nodes),
                        Group::Brokers(brokers) => {
                            targets.brokers = draw.names(brokers, Pool::Brokers);
                        }
                        Group::Operator => targets.clients = vec![OPERATOR.to_owned()],
                        Group::ApiServer => targets.servers = vec![API_SERVER.to_owned()],
                    }
                }
            }
            Self::Workers(_) | Self::Partition(..) | Self::Controller | Self::Named(_) => {}
        }
        targets
    }
}

/// Where the problems of one fault are collected.
pub(crate) struct Check<'a> {
    /// The place in the file, such as `faults[2].fault.node_crash`.
    pub(crate) path: String,
    pub(crate) inventory: &'a Inventory,
    pub(crate) bounds: &'a Bounds,
    /// How long the fault lasts.
    pub(crate) hold: Duration,
    pub(crate) problems: &'a mut Vec<ScheduleProblem>,
}

impl Check<'_> {
    pub(crate) fn problem(&mut self, field: &str, message: impl Into<String>) {
        self.problem_at(format!("{}.{field}", self.path), message);
    }

    /// A problem of the fault as a whole has its path.
    pub(crate) fn problem_at(&mut self, path: String, message: impl Into<String>) {
        self.problems.push(ScheduleProblem { path, message: message.into() });
    }

    /// A partition that has to be there.
    pub(super) fn partition(&mut self, partition: i32) {
        if let Some(message) = self.inventory.partition_problem(partition) {
            self.problem("partition", message);
        }
    }

    /// A time that has to pass within the fault to show.
    pub(super) fn within_hold(&mut self, field: &str, time: Duration) {
        if time.is_zero() || time >= self.hold {
            let (time, hold) = (text(time), text(self.hold));
            self.problem(
                field,
                format!("{time}; allowed: above 0s and below {hold}, as long as the fault lasts"),
            );
        }
    }

    /// For what hits all of a pool whoever is chosen.
    pub(super) fn all_of(&mut self, field: &str, pool: Pool) {
        if let Some(message) = self.bounds.problem(&Selector::All, pool, self.inventory) {
            self.problem(field, format!("all {} may be hit: {message}", pool.name()));
        }
    }

    /// For a broker that nobody chooses: some must be permitted, and who it is will be looked at.
    fn found_when_due(&mut self) {
        if let Some(message) =
            self.bounds.problem(&Selector::Controller, Pool::Brokers, self.inventory)
        {
            self.problem_at(self.path.clone(), message);
        }
    }

    fn selector(&mut self, field: &str, selector: &Selector, pool: Pool) {
        let mut found = selector.problems(pool, self.inventory);
        if found.is_empty() {
            found.extend(self.bounds.problem(selector, pool, self.inventory));
        }
        for message in found {
            self.problem(field, message);
        }
    }

    /// A zone has nodes; it need not have brokers.
    fn zone(&mut self, zone: &Selector) {
        self.selector("zone", zone, Pool::Nodes);
        if zone.size(Pool::Brokers.members(self.inventory)) > 0 {
            self.selector("zone", zone, Pool::Brokers);
        }
    }

    fn between(&mut self, between: &(Group, Group)) {
        for (index, group) in [&between.0, &between.1].into_iter().enumerate() {
            let (pool, selector) = match group {
                Group::Nodes(selector) => (Pool::Nodes, selector),
                Group::Brokers(selector) => (Pool::Brokers, selector),
                Group::Operator | Group::ApiServer => continue,
            };
            self.selector(&format!("between[{index}].{}", pool.name()), selector, pool);
        }
        if !is_link(&between.0, &between.1) && !is_link(&between.1, &between.0) {
            self.problem(
                "between",
                "nothing can be broken between these two; \
                 allowed: nodes or operator and brokers, or operator and api_server",
            );
        }
    }
}

/// The seeded draw of one fault's open choices.
pub(crate) struct Draw<'a> {
    /// What may be hit.
    pub(crate) inventory: &'a Inventory,
    pub(crate) random: ChaCha8Rng,
    /// Targets that other faults have down at the same time.
    pub(crate) avoid: BTreeSet<String>,
}

impl Draw<'_> {
    /// The fault with its targets, and a seed for what it draws while it is in force.
    pub(crate) fn action(&mut self, fault: &Fault) -> Action {
        let targets = fault.definition().aim().draw(self);
        Action { fault: fault.clone(), targets, seed: self.random.random() }
    }

    /// What an action may hit of its pool: first what it was drawn to hit, then what may stand in
    /// for one of those that is down when it is due. A broker found by its role is one of these.
    pub(crate) fn reach(&mut self, action: &Action) -> Vec<String> {
        let aim = action.fault.definition().aim();
        let chosen = aim.choice().map(|(pool, _)| pool);
        let Some(pool) = chosen.or(aim.role().map(|_| Pool::Brokers)) else { return Vec::new() };
        let members = pool.members(self.inventory);
        let is_open = aim.choice().is_none_or(|(_, choice)| choice.fixed(members).is_none());
        let drawn = action.targets.of(pool);
        let others = members.iter().map(|member| &member.name);
        let mut others: Vec<&String> =
            others.filter(|name| is_open && !drawn.contains(name)).collect();
        others.shuffle(&mut self.random);
        drawn.iter().chain(others).cloned().collect()
    }

    fn names(&mut self, selector: &Selector, pool: Pool) -> Vec<String> {
        selector.draw(pool.members(self.inventory), &self.avoid, &mut self.random)
    }
}

/// Whether clients of this group connect to servers of that one, through proxies.
fn is_link(clients: &Group, servers: &Group) -> bool {
    match clients {
        Group::Nodes(_) => matches!(servers, Group::Brokers(_)),
        Group::Operator => is_server(servers),
        Group::Brokers(_) | Group::ApiServer => false,
    }
}

pub(super) fn is_server(group: &Group) -> bool {
    matches!(group, Group::Brokers(_) | Group::ApiServer)
}
