//! Who is hit: selectors over the members of an [`Inventory`], and the groups of a network fault.

mod inventory;

use std::collections::BTreeSet;
use std::fmt;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use inventory::{Inventory, Member};

pub(crate) use inventory::{Pool, list};

use inventory::names_of;

/// The group name under which the operator's clients speak.
pub const OPERATOR: &str = "operator";
/// The API server's name in rules and reports.
pub const API_SERVER: &str = "api_server";

/// A choice of nodes or brokers. What is left open is drawn from the seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Selector {
    /// Every one of them.
    All,
    /// The one with this name.
    Name(String),
    /// Those with these names.
    Names(Vec<String>),
    /// Those in this zone.
    Zone(String),
    /// Those with this label.
    Label {
        /// Its key.
        key: String,
        /// Its value.
        value: String,
    },
    /// This many of them, drawn from the seed.
    Count(usize),
    /// This share of them, above 0 and up to 1, rounded up to at least one.
    Share(f64),
    /// The broker that leads this partition at the moment the fault is due.
    LeaderOf {
        /// Which of the trial's topics.
        topic: TopicRole,
        /// Partition number, from 0.
        partition: i32,
    },
    /// The broker that coordinates the job's consumer group at the moment the fault is due.
    GroupCoordinator,
    /// The broker that is the active controller at the moment the fault is due.
    Controller,
}

/// A broker that is found only when it is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It leads this partition.
    LeaderOf {
        /// Which of the trial's topics.
        topic: TopicRole,
        /// Partition number, from 0.
        partition: i32,
    },
    /// It coordinates the job's consumer group.
    GroupCoordinator,
    /// It is the active controller.
    Controller,
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LeaderOf { topic, partition } => {
                write!(formatter, "leader of {}/{partition}", topic.name())
            }
            Self::GroupCoordinator => formatter.write_str("group coordinator"),
            Self::Controller => formatter.write_str("active controller"),
        }
    }
}

/// One of the two topics of a trial.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum TopicRole {
    /// The topic that the load is sent to.
    Source,
    /// The topic that workers write results to.
    Result,
}

impl TopicRole {
    /// The name used in scenario files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Result => "result",
        }
    }
}

/// One end of a network fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Group {
    /// Every Kafka client on these nodes.
    Nodes(Selector),
    /// These brokers.
    Brokers(Selector),
    /// The operator.
    Operator,
    /// The Kubernetes API server, as the operator reaches it.
    ApiServer,
}

impl Selector {
    /// The role of the broker that is known only at the moment the fault is due, if it is one.
    pub(crate) fn role(&self) -> Option<Role> {
        match self {
            Self::LeaderOf { topic, partition } => {
                Some(Role::LeaderOf { topic: *topic, partition: *partition })
            }
            Self::GroupCoordinator => Some(Role::GroupCoordinator),
            Self::Controller => Some(Role::Controller),
            Self::All
            | Self::Name(_)
            | Self::Names(_)
            | Self::Zone(_)
            | Self::Label { .. }
            | Self::Count(_)
            | Self::Share(_) => None,
        }
    }

    /// The most members that this selector can choose from a pool.
    pub(crate) fn size(&self, pool: &[Member]) -> usize {
        match self {
            Self::LeaderOf { .. } | Self::GroupCoordinator | Self::Controller => 1,
            Self::Count(count) => (*count).min(pool.len()),
            Self::Share(share) => share_of(*share, pool.len()),
            Self::All | Self::Name(_) | Self::Names(_) | Self::Zone(_) | Self::Label { .. } => {
                self.fixed(pool).map_or(0, |names| names.len())
            }
        }
    }

    /// The names, if neither the seed nor the moment has a say in them.
    pub(crate) fn fixed(&self, pool: &[Member]) -> Option<BTreeSet<String>> {
        match self {
            Self::All => Some(names_of(pool, |_| true)),
            Self::Name(name) => Some(BTreeSet::from([name.clone()])),
            Self::Names(names) => Some(names.iter().cloned().collect()),
            Self::Zone(zone) => Some(names_of(pool, |member| member.zone.as_ref() == Some(zone))),
            Self::Label { key, value } => {
                Some(names_of(pool, |member| member.labels.get(key) == Some(value)))
            }
            Self::Count(_)
            | Self::Share(_)
            | Self::LeaderOf { .. }
            | Self::GroupCoordinator
            | Self::Controller => None,
        }
    }

    /// Draws the names, in the order of the pool, without any of `avoid` while there are others.
    /// A broker with a role is not drawn: it is found when the fault is due.
    pub(crate) fn draw(
        &self,
        pool: &[Member],
        avoid: &BTreeSet<String>,
        random: &mut ChaCha8Rng,
    ) -> Vec<String> {
        if self.role().is_some() {
            return Vec::new();
        }
        let chosen = self.fixed(pool).unwrap_or_else(|| {
            let names = pool.iter().map(|member| &member.name);
            let (mut free, mut taken): (Vec<&String>, Vec<&String>) =
                names.partition(|name| !avoid.contains(*name));
            free.shuffle(random);
            taken.shuffle(random);
            free.into_iter().chain(taken).take(self.size(pool)).cloned().collect()
        });
        let names = pool.iter().map(|member| &member.name);
        names.filter(|name| chosen.contains(*name)).cloned().collect()
    }

    /// What is wrong with this selector, each with the allowed values.
    pub(crate) fn problems(&self, pool: Pool, inventory: &Inventory) -> Vec<String> {
        let members = pool.members(inventory);
        let what = pool.singular();
        if members.is_empty() {
            return vec![format!("there is no {what} in this environment")];
        }
        if let Some(role) = self.role().filter(|_| pool == Pool::Nodes) {
            let allowed = "all, name, names, zone, label, count, share";
            return vec![format!("the {role} is a broker, not a node; allowed: {allowed}")];
        }
        match self {
            Self::All => Vec::new(),
            Self::Name(name) => unknown(name, members, what).into_iter().collect(),
            Self::Names(chosen) if chosen.is_empty() => {
                vec![format!("names no {what}; allowed: {}", list(members))]
            }
            Self::Names(chosen) => {
                let mut seen = BTreeSet::new();
                let twice = chosen.iter().filter(|name| !seen.insert(*name));
                let twice = twice.map(|name| format!("{what} {name:?} is named twice"));
                chosen.iter().filter_map(|name| unknown(name, members, what)).chain(twice).collect()
            }
            Self::Zone(zone) => empty(self, members, what, &format!("zone {zone:?}"), |member| {
                member.zone.iter().cloned().collect()
            }),
            Self::Label { key, value } => {
                let label = |(key, value): (&String, &String)| format!("{key}={value}");
                empty(self, members, what, &format!("label {key}={value}"), |member| {
                    member.labels.iter().map(label).collect()
                })
            }
            Self::Count(count) if (1..=members.len()).contains(count) => Vec::new(),
            Self::Count(count) => {
                vec![format!("count {count} of {what}s; allowed: 1 to {}", members.len())]
            }
            Self::Share(share) if *share > 0.0 && *share <= 1.0 => Vec::new(),
            Self::Share(share) => {
                vec![format!("share {share} of {what}s; allowed: above 0 and up to 1")]
            }
            Self::LeaderOf { partition, .. } => {
                inventory.partition_problem(*partition).into_iter().collect()
            }
            Self::GroupCoordinator | Self::Controller => Vec::new(),
        }
    }
}

fn unknown(name: &str, members: &[Member], what: &str) -> Option<String> {
    members
        .iter()
        .all(|member| member.name != name)
        .then(|| format!("no {what} is called {name:?}; allowed: {}", list(members)))
}

/// The complaint about a selector by what members have that fits none of them.
fn empty(
    selector: &Selector,
    members: &[Member],
    what: &str,
    wanted: &str,
    have: impl Fn(&Member) -> Vec<String>,
) -> Vec<String> {
    if selector.size(members) > 0 {
        return Vec::new();
    }
    let allowed: BTreeSet<String> = members.iter().flat_map(have).collect();
    let allowed = Vec::from_iter(allowed).join(", ");
    let allowed = if allowed.is_empty() { "nothing like it here" } else { allowed.as_str() };
    vec![format!("no {what} has {wanted}; allowed: {allowed}")]
}

/// The share of a pool in whole members: rounded up, at least one, never more than all.
pub(crate) fn share_of(share: f64, pool: usize) -> usize {
    // The small step back keeps 0.07 × 100 = 7.000000000000001 at 7.
    let members = (share * pool as f64 - 1e-9).ceil();
    (members as usize).clamp(1.min(pool), pool)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;

    use super::*;

    fn pool(size: usize) -> Vec<Member> {
        Inventory::numbered(size, 0, 0).nodes
    }

    fn any_selector() -> impl Strategy<Value = Selector> {
        prop_oneof![
            Just(Selector::All),
            (1_usize..40).prop_map(Selector::Count),
            (0.001_f64..=1.0).prop_map(Selector::Share),
        ]
    }

    proptest! {
        #[test]
        fn a_draw_has_known_distinct_names_and_the_promised_size(
            selector in any_selector(),
            size in 1_usize..30,
            avoided in proptest::collection::vec(0_usize..30, 0..10),
            seed in any::<u64>(),
        ) {
            let pool = pool(size);
            let avoid: BTreeSet<String> =
                avoided.iter().filter_map(|at| Some(pool.get(*at)?.name.clone())).collect();
            let drawn = selector.draw(&pool, &avoid, &mut ChaCha8Rng::seed_from_u64(seed));
            let distinct: BTreeSet<&String> = drawn.iter().collect();
            prop_assert_eq!(distinct.len(), drawn.len());
            prop_assert!(drawn.iter().all(|name| pool.iter().any(|member| member.name == *name)));
            prop_assert_eq!(drawn.len(), selector.size(&pool));
            let touched = drawn.iter().filter(|name| avoid.contains(*name)).count();
            prop_assert_eq!(touched, drawn.len().saturating_sub(size - avoid.len()));
        }

        #[test]
        fn a_share_rounds_up_to_at_least_one(share in 0.000_001_f64..=1.0, size in 1_usize..500) {
            let members = share_of(share, size);
            prop_assert!(members >= 1 && members <= size);
            prop_assert!(members as f64 + 1e-6 >= share * size as f64);
            prop_assert!((members as f64) < share * size as f64 + 1.0);
        }
    }

    #[test]
    fn a_share_that_is_a_whole_number_is_not_rounded_up() {
        assert_eq!(share_of(0.07, 100), 7);
        assert_eq!(share_of(0.5, 4), 2);
        assert_eq!(share_of(1.0, 3), 3);
    }
}
