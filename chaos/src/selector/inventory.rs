//! What there is to be hit: nodes and brokers with their zones and labels, and partitions.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Everything that a fault may be aimed at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inventory {
    /// The nodes, `node-1`, `node-2` and so on.
    pub nodes: Vec<Member>,
    /// The brokers, `broker-1`, `broker-2` and so on.
    pub brokers: Vec<Member>,
    /// Partitions of each of the trial's topics, numbered from 0.
    pub partitions: i32,
}

/// A node or a broker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its name, which no other has.
    pub name: String,
    /// The zone that it is in, if the environment has any.
    pub zone: Option<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// What a selector chooses among, for its messages and its rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Pool {
    Nodes,
    Brokers,
}

impl Inventory {
    /// So many nodes and brokers, named by their numbers from 1, with neither zones nor
    /// labels.
    pub fn numbered(nodes: usize, brokers: usize, partitions: i32) -> Self {
        let named = |what: &str, count: usize| {
            (1..=count).map(|number| Member::named(format!("{what}-{number}"))).collect()
        };
        Self { nodes: named("node", nodes), brokers: named("broker", brokers), partitions }
    }

    /// What is wrong with the number of a partition.
    pub(crate) fn partition_problem(&self, partition: i32) -> Option<String> {
        let last = self.partitions.saturating_sub(1);
        (!(0..=last).contains(&partition))
            .then(|| format!("partition {partition}; allowed: 0 to {last}"))
    }
}

impl Member {
    /// A member with neither zone nor labels.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

impl Pool {
    /// Every pool.
    pub(crate) const ALL: [Self; 2] = [Self::Nodes, Self::Brokers];

    pub(crate) fn members(self, inventory: &Inventory) -> &[Member] {
        match self {
            Self::Nodes => &inventory.nodes,
            Self::Brokers => &inventory.brokers,
        }
    }

    /// The field of a fault that chooses from it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nodes => "nodes",
            Self::Brokers => "brokers",
        }
    }

    pub(super) fn singular(self) -> &'static str {
        match self {
            Self::Nodes => "node",
            Self::Brokers => "broker",
        }
    }
}

/// The names of the members that fit, in their order.
pub(super) fn names_of(members: &[Member], fits: impl Fn(&Member) -> bool) -> BTreeSet<String> {
    members.iter().filter(|member| fits(member)).map(|member| member.name.clone()).collect()
}

/// The names of all of them, for messages.
pub(crate) fn list(members: &[Member]) -> String {
    members.iter().map(|member| member.name.as_str()).collect::<Vec<_>>().join(", ")
}
