//! The rules that all proxies of a trial share.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::counters::{Counters, RuleCounters};
use super::effect::{Direction, Effect, Link};
use crate::clock;
use crate::injector::Targets;

/// An effect on the connections between some clients and some servers.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Groups of clients, as in client ids before the first `/`.
    pub clients: BTreeSet<String>,
    /// Names of servers.
    pub servers: BTreeSet<String>,
    /// Which way. Connections are cut whatever the direction.
    pub direction: Direction,
    /// What is done.
    pub effect: Effect,
    /// What the effect draws from.
    pub seed: u64,
    /// When the rule ends by itself.
    pub expires: Instant,
}

impl Rule {
    /// A rule between the clients and the servers of an action, for `limit` at most.
    pub fn between(
        targets: &Targets,
        (direction, effect): (Direction, Effect),
        seed: u64,
        limit: Duration,
    ) -> Self {
        Self {
            clients: targets.clients.iter().cloned().collect(),
            servers: targets.brokers.iter().chain(&targets.servers).cloned().collect(),
            direction,
            effect,
            seed,
            expires: clock::now() + limit,
        }
    }
}

/// An installed rule. It can be asked for its counters even after it has been removed.
#[derive(Clone)]
pub struct RuleId {
    state: Arc<RuleState>,
}

impl fmt::Debug for RuleId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RuleId({})", self.state.number)
    }
}

/// The table of rules. Clones are the same table.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    table: Arc<Table>,
}

#[derive(Debug, Default)]
struct Table {
    /// Grows with every change, so that a pump can see cheaply that it must look again.
    generation: AtomicU64,
    rules: RwLock<Vec<Arc<RuleState>>>,
    changed: watch::Sender<()>,
}

/// A rule at work, as connections see it.
#[derive(Debug)]
pub(super) struct RuleState {
    pub(super) number: u64,
    pub(super) rule: Rule,
    pub(super) installed: Instant,
    pub(super) counters: Counters,
    /// One for what flows to servers, one for what flows to clients.
    links: [Link; 2],
}

impl RuleState {
    /// The link that the connections of this rule share in one direction.
    pub(super) fn link(&self, flow: Direction) -> &Link {
        &self.links[usize::from(flow == Direction::ToClient)]
    }
}

impl Rules {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a rule in force. It ends when it is removed or when it expires; who installs it has
    /// to remove it in either case.
    pub fn install(&self, rule: Rule) -> RuleId {
        let mut rules = self.table.rules.write().unwrap_or_else(PoisonError::into_inner);
        let number = self.table.generation.load(Ordering::Relaxed) + 1;
        let installed = clock::now();
        let (counters, links) = (Counters::new(installed), Default::default());
        let state = Arc::new(RuleState { number, rule, installed, counters, links });
        rules.push(Arc::clone(&state));
        self.announce();
        RuleId { state }
    }

    /// How many rules are in force, or expired and not removed.
    pub fn in_force(&self) -> usize {
        self.table.rules.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// What a rule has done so far, also after its removal.
    pub fn counters(&self, id: &RuleId) -> RuleCounters {
        id.state.counters.read()
    }

    /// Ends a rule at once and says what it has done. Harmless when repeated.
    pub fn remove(&self, id: &RuleId) -> RuleCounters {
        let mut rules = self.table.rules.write().unwrap_or_else(PoisonError::into_inner);
        rules.retain(|state| !Arc::ptr_eq(state, &id.state));
        self.announce();
        drop(rules);
        id.state.counters.read()
    }

    /// Tells connections that the table has changed; called while the table is locked.
    fn announce(&self) {
        self.table.generation.fetch_add(1, Ordering::Release);
        self.table.changed.send_replace(());
    }

    pub(super) fn generation(&self) -> u64 {
        self.table.generation.load(Ordering::Acquire)
    }

    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.table.changed.subscribe()
    }

    /// The rules for the connections between a client and a server, expired ones left out, with
    /// the generation that they are of.
    pub(super) fn matching(&self, group: &str, server: &str) -> (u64, Vec<Arc<RuleState>>) {
        let rules = self.table.rules.read().unwrap_or_else(PoisonError::into_inner);
        let now = clock::now();
        let matching = rules
            .iter()
            .filter(|state| state.rule.expires > now)
            .filter(|state| state.rule.servers.contains(server))
            .filter(|state| state.rule.clients.contains(group));
        (self.generation(), matching.cloned().collect())
    }

    /// Waits until a rule is removed or expires.
    pub(super) async fn ended(&self, state: &Arc<RuleState>) {
        let mut changes = self.changes();
        while self.contains(state) {
            tokio::select! {
                // The sender lives as long as the table.
                _ = changes.changed() => {}
                () = sleep_until(state.rule.expires) => return,
            }
        }
    }

    fn contains(&self, state: &Arc<RuleState>) -> bool {
        let rules = self.table.rules.read().unwrap_or_else(PoisonError::into_inner);
        rules.iter().any(|other| Arc::ptr_eq(other, state))
    }
}
