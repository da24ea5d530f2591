//! The rules that all proxies of a trial share, and what each has done so far.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock;

/// The longest delay, and the widest jitter; longer ones are cut to it.
pub const DELAY_MAX: Duration = Duration::from_secs(3600);

/// Which way bytes flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Both ways.
    Both,
    /// From clients to brokers.
    ToBroker,
    /// From brokers to clients.
    ToClient,
}

impl Direction {
    fn covers(self, flow: Self) -> bool {
        self == Self::Both || self == flow
    }
}

/// What is done to the bytes that a rule concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing is forwarded. Up to one buffer is read and kept; the rest waits in the kernel.
    Hold,
    /// Each chunk is delivered late, never before the one that came before it.
    Delay {
        /// How late, up to [`DELAY_MAX`].
        delay: Duration,
        /// How far the delay strays to either side, evenly, up to [`DELAY_MAX`].
        jitter: Duration,
        /// What the jitter is drawn from.
        seed: u64,
    },
}

/// An effect on the connections between some clients and some brokers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Groups of clients, as in client ids before the first `/`.
    pub clients: BTreeSet<String>,
    /// Names of brokers.
    pub brokers: BTreeSet<String>,
    /// Which way.
    pub direction: Direction,
    /// What is done.
    pub effect: Effect,
    /// When the rule ends by itself.
    pub expires: Instant,
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

/// What a rule has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RuleCounters {
    /// Connections that had bytes held or delayed.
    pub connections: u64,
    /// Chunks held, or delivered late.
    pub chunks: u64,
    /// Bytes read and held back. More may wait in the kernel, uncounted.
    pub bytes_held: u64,
    /// Bytes delivered late.
    pub bytes_delayed: u64,
    /// Held bytes that were dropped because their client closed the connection.
    pub bytes_abandoned: u64,
    /// The longest that bytes were held before they went on, in microseconds.
    pub held_us_max: u64,
    /// The sum over late chunks of how late they were, in microseconds.
    pub delay_us_total: u64,
    /// How late the latest chunk was, in microseconds.
    pub delay_us_max: u64,
    /// From the installation to the first effect.
    pub first_effect: Option<Duration>,
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

/// A rule and its counters, as pumps see them.
#[derive(Debug)]
pub(super) struct RuleState {
    pub(super) number: u64,
    pub(super) rule: Rule,
    installed: Instant,
    connections: AtomicU64,
    chunks: AtomicU64,
    bytes_held: AtomicU64,
    bytes_delayed: AtomicU64,
    bytes_abandoned: AtomicU64,
    held_us_max: AtomicU64,
    delay_us_total: AtomicU64,
    delay_us_max: AtomicU64,
    /// Microseconds from the installation, plus one; 0 for never.
    first_effect_us: AtomicU64,
}

impl Rules {
    /// An empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a rule in force. It ends when it is removed or when it expires; who installs it has
    /// to remove it in either case.
    pub fn install(&self, mut rule: Rule) -> RuleId {
        if let Effect::Delay { delay, jitter, .. } = &mut rule.effect {
            *delay = (*delay).min(DELAY_MAX);
            *jitter = (*jitter).min(DELAY_MAX);
        }
        let mut rules = self.table.rules.write().unwrap_or_else(PoisonError::into_inner);
        let number = self.table.generation.load(Ordering::Relaxed) + 1;
        let state = Arc::new(RuleState::new(number, rule));
        rules.push(Arc::clone(&state));
        self.announce();
        RuleId { state }
    }

    /// What a rule has done so far, also after its removal.
    pub fn counters(&self, id: &RuleId) -> RuleCounters {
        id.state.counters()
    }

    /// Ends a rule at once and says what it has done. Harmless when repeated.
    pub fn remove(&self, id: &RuleId) -> RuleCounters {
        let mut rules = self.table.rules.write().unwrap_or_else(PoisonError::into_inner);
        rules.retain(|state| !Arc::ptr_eq(state, &id.state));
        self.announce();
        drop(rules);
        id.state.counters()
    }

    /// Tells pumps that the table has changed; called while the table is locked.
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

    /// The rules for one direction of a connection, expired ones left out, with the generation
    /// that they are of.
    pub(super) fn matching(
        &self,
        group: &str,
        broker: &str,
        flow: Direction,
    ) -> (u64, Vec<Arc<RuleState>>) {
        let rules = self.table.rules.read().unwrap_or_else(PoisonError::into_inner);
        let now = clock::now();
        let matching = rules
            .iter()
            .filter(|state| state.rule.direction.covers(flow) && state.rule.expires > now)
            .filter(|state| state.rule.brokers.contains(broker))
            .filter(|state| state.rule.clients.contains(group));
        (self.generation(), matching.cloned().collect())
    }
}

impl RuleState {
    fn new(number: u64, rule: Rule) -> Self {
        Self {
            number,
            rule,
            installed: clock::now(),
            connections: AtomicU64::new(0),
            chunks: AtomicU64::new(0),
            bytes_held: AtomicU64::new(0),
            bytes_delayed: AtomicU64::new(0),
            bytes_abandoned: AtomicU64::new(0),
            held_us_max: AtomicU64::new(0),
            delay_us_total: AtomicU64::new(0),
            delay_us_max: AtomicU64::new(0),
            first_effect_us: AtomicU64::new(0),
        }
    }

    pub(super) fn count_connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_held(&self, bytes: usize) {
        self.chunks.fetch_add(1, Ordering::Relaxed);
        self.bytes_held.fetch_add(bytes as u64, Ordering::Relaxed);
        self.count_first_effect();
    }

    pub(super) fn count_released(&self, held: Duration) {
        self.held_us_max.fetch_max(micros(held), Ordering::Relaxed);
    }

    pub(super) fn count_abandoned(&self, bytes: usize) {
        self.bytes_abandoned.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn count_delayed(&self, bytes: usize, late: Duration) {
        let late_us = micros(late);
        self.chunks.fetch_add(1, Ordering::Relaxed);
        self.bytes_delayed.fetch_add(bytes as u64, Ordering::Relaxed);
        self.delay_us_total.fetch_add(late_us, Ordering::Relaxed);
        self.delay_us_max.fetch_max(late_us, Ordering::Relaxed);
        self.count_first_effect();
    }

    fn count_first_effect(&self) {
        if self.first_effect_us.load(Ordering::Relaxed) == 0 {
            let since = clock::now().saturating_duration_since(self.installed);
            let first = micros(since).saturating_add(1);
            // Another pump may have been first; then its time stays.
            let _kept = self.first_effect_us.compare_exchange(
                0,
                first,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
        }
    }

    fn counters(&self) -> RuleCounters {
        let first_effect_us = self.first_effect_us.load(Ordering::Relaxed);
        RuleCounters {
            connections: self.connections.load(Ordering::Relaxed),
            chunks: self.chunks.load(Ordering::Relaxed),
            bytes_held: self.bytes_held.load(Ordering::Relaxed),
            bytes_delayed: self.bytes_delayed.load(Ordering::Relaxed),
            bytes_abandoned: self.bytes_abandoned.load(Ordering::Relaxed),
            held_us_max: self.held_us_max.load(Ordering::Relaxed),
            delay_us_total: self.delay_us_total.load(Ordering::Relaxed),
            delay_us_max: self.delay_us_max.load(Ordering::Relaxed),
            first_effect: first_effect_us.checked_sub(1).map(Duration::from_micros),
        }
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
