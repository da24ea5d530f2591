//! The lot that decides on a fault: its members and its numbers, from a stream of its own.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use crate::fault::{Affected, Workers};
use crate::selector::{Group, Inventory, Pool, Selector, TopicRole};

/// Partitions whose leader may be chosen: those that every topic is likely to have.
const PARTITIONS: i32 = 4;
/// Numbers beside times are whole multiples of this, as people write them.
const SHARE_STEPS: u32 = 20;

/// What the parameters of a fault are drawn from. What it draws by itself is in bounds that make
/// sense for any environment; whether the whole schedule is sound is checked afterwards.
pub(crate) struct Lot<'a> {
    pub(crate) random: &'a mut ChaCha8Rng,
    pub(crate) inventory: &'a Inventory,
    /// How long the fault lasts.
    pub(crate) hold: Duration,
}

impl Lot<'_> {
    /// Whether something happens that does in this share of all draws.
    pub(crate) fn chance(&mut self, share: f64) -> bool {
        self.random.random_bool(share.clamp(0.0, 1.0))
    }

    /// One of these; nothing if there is none.
    pub(crate) fn one_of<T: Clone>(&mut self, choices: &[T]) -> Option<T> {
        choices.choose(self.random).cloned()
    }

    /// A number, each order of magnitude as likely as the other.
    pub(crate) fn number(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (low, high) = ((*range.start()).max(1) as f64, (*range.end()).max(1) as f64);
        let drawn = (self.random.random_range(low.ln()..=high.ln())).exp();
        (drawn.round() as u64).clamp(*range.start(), *range.end())
    }

    /// A time in whole milliseconds, drawn as a number is.
    pub(crate) fn time(&mut self, milliseconds: RangeInclusive<u64>) -> Duration {
        Duration::from_millis(self.number(milliseconds))
    }

    /// The same, for what has to be shorter than the fault.
    pub(crate) fn time_within(&mut self, milliseconds: RangeInclusive<u64>) -> Duration {
        self.time(milliseconds).min(self.hold / 2)
    }

    /// A share above 0 and up to 1.
    pub(crate) fn share(&mut self) -> f64 {
        f64::from(self.random.random_range(1..=SHARE_STEPS)) / f64::from(SHARE_STEPS)
    }

    /// Every request, or a share of them.
    pub(crate) fn affected(&mut self) -> Affected {
        if self.chance(0.5) { Affected::All } else { Affected::Share(self.share()) }
    }

    /// One of the trial's topics.
    pub(crate) fn topic(&mut self) -> TopicRole {
        if self.chance(0.5) { TopicRole::Source } else { TopicRole::Result }
    }

    /// One of the first partitions.
    pub(crate) fn partition(&mut self) -> i32 {
        self.random.random_range(0..self.inventory.partitions.clamp(1, PARTITIONS))
    }

    /// One node, seldom several.
    pub(crate) fn nodes(&mut self) -> Option<Selector> {
        self.members(Pool::Nodes)
    }

    /// One zone; nothing where there is only one.
    pub(crate) fn zone(&mut self) -> Option<String> {
        let zones: BTreeSet<String> =
            self.inventory.nodes.iter().filter_map(|node| node.zone.clone()).collect();
        let zones = Vec::from_iter(zones);
        if zones.len() > 1 { self.one_of(&zones) } else { None }
    }

    /// One worker, seldom two.
    pub(crate) fn workers(&mut self) -> Workers {
        Workers::Count(if self.chance(0.8) { 1 } else { 2 })
    }

    /// One broker, by name or by its role, seldom several.
    pub(crate) fn brokers(&mut self) -> Option<Selector> {
        if self.inventory.brokers.is_empty() || self.chance(0.6) {
            return self.members(Pool::Brokers);
        }
        let partition = self.partition();
        let leader = Selector::LeaderOf { topic: self.topic(), partition };
        self.one_of(&[leader, Selector::GroupCoordinator, Selector::Controller])
    }

    /// Clients on one side, what serves them on the other.
    pub(crate) fn between(&mut self) -> Option<(Group, Group)> {
        if self.chance(0.15) {
            return Some((Group::Operator, Group::ApiServer));
        }
        let brokers = Group::Brokers(self.brokers()?);
        let clients = match self.chance(0.1) {
            true => Group::Operator,
            false => Group::Nodes(self.nodes()?),
        };
        Some((clients, brokers))
    }

    /// One member of a pool, or in one of five draws several, by their names: what else is in the
    /// schedule has no say in who they are.
    fn members(&mut self, pool: Pool) -> Option<Selector> {
        let members = pool.members(self.inventory).iter();
        let names: Vec<String> = members.map(|member| member.name.clone()).collect();
        if names.len() > 2 && self.chance(0.2) {
            let count = self.random.random_range(2..names.len());
            let mut chosen: Vec<String> = names.sample(self.random, count).cloned().collect();
            chosen.sort();
            return Some(Selector::Names(chosen));
        }
        self.one_of(&names).map(Selector::Name)
    }
}
