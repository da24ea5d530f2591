//! The faults in force, and what they mean to a request, a read or a watch. Pure: the caller
//! brings the time and the store's version.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::time::Instant;

use super::counts::Counts;
use super::timeline::Timeline;
use super::{ApiFailure, ApiFault, ApiRequests, StaleReads};

/// The longest that a fault is in force: sums of times stay within bounds.
const LIMIT_MAX: Duration = Duration::from_hours(24 * 366);

/// All faults of one server.
#[derive(Debug, Default)]
pub(super) struct Rules {
    rules: Vec<Rule>,
    /// Kept while events are delayed.
    timeline: Timeline,
    next_id: u64,
}

#[derive(Debug)]
struct Rule {
    id: u64,
    fault: ApiFault,
    from: Instant,
    until: Instant,
    /// The store's version when it began.
    version: u64,
    random: ChaCha8Rng,
    counts: Arc<Counts>,
}

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// Objects as they are.
    Read,
    /// A change of objects.
    Write,
    /// What is no object: versions, types, health.
    Other,
}

/// What becomes of a request.
#[derive(Debug, Default)]
pub(super) struct Fate {
    pub(super) waits: Vec<Wait>,
    pub(super) failure: Option<ApiFailure>,
}

/// A fault that lets a request wait.
#[derive(Debug)]
pub(super) struct Wait {
    pub(super) id: u64,
    pub(super) delay: Duration,
    /// How the request fails if it waited for all of that.
    pub(super) then: Option<ApiFailure>,
    pub(super) counts: Arc<Counts>,
}

/// An open watch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opened {
    pub(super) at: Instant,
    /// Faults with this id or a later one began after it.
    pub(super) before: u64,
}

/// What a watch is to do now.
#[derive(Debug)]
pub(super) enum Course {
    /// Its connection is cut.
    Cut(Arc<Counts>),
    /// It says nothing until this time, or until the faults change.
    Stall(Arc<Counts>, Instant),
    /// It tells what it sees.
    Open(Window),
}

/// What a watch sees of the store's changes.
#[derive(Debug)]
pub(in super::super) struct Window {
    /// It cannot go on from a version before this; who counts the refusal.
    pub(super) oldest: Option<(u64, Arc<Counts>)>,
    /// It does not see what came after this.
    pub(in super::super) newest: u64,
    /// Of each object only the last change counts.
    pub(in super::super) merged: bool,
    /// What counts late events, if there are any.
    pub(super) late: Option<Arc<Counts>>,
    /// When to look again.
    pub(super) again: Option<Instant>,
}

impl Rules {
    /// How many are neither ended nor over.
    pub(super) fn in_force(&self, now: Instant) -> usize {
        self.rules.iter().filter(|rule| now < rule.until).count()
    }

    pub(super) fn install(
        &mut self,
        fault: ApiFault,
        (now, limit): (Instant, Duration),
        version: u64,
        seed: u64,
    ) -> (u64, Arc<Counts>) {
        self.expire(now);
        if matches!(fault, ApiFault::EventsDelayed { .. }) && self.delaying().is_none() {
            self.timeline.restart(now, version);
        }
        let id = self.next_id;
        self.next_id += 1;
        let counts = Arc::<Counts>::default();
        let until = now + limit.min(LIMIT_MAX);
        let random = ChaCha8Rng::seed_from_u64(seed);
        let shared = Arc::clone(&counts);
        self.rules.push(Rule { id, fault, from: now, until, version, random, counts: shared });
        (id, counts)
    }

    pub(super) fn end(&mut self, id: u64) {
        self.rules.retain(|rule| rule.id != id);
    }

    /// When a fault ends by itself, if it is in force.
    pub(super) fn until(&self, id: u64) -> Option<Instant> {
        self.rules.iter().find(|rule| rule.id == id).map(|rule| rule.until)
    }

    fn expire(&mut self, now: Instant) {
        self.rules.retain(|rule| now < rule.until);
    }

    pub(super) fn note(&mut self, now: Instant, version: u64) {
        if let Some((rule, by, _)) = self.delaying() {
            let kept = now.checked_sub(by).unwrap_or(rule.from);
            self.timeline.note(now, version);
            // A round may reach back by twice its length.
            self.timeline.prune(kept.checked_sub(by).unwrap_or(kept));
        }
    }

    fn delaying(&self) -> Option<(&Rule, Duration, bool)> {
        self.rules.iter().find_map(|rule| match rule.fault {
            ApiFault::EventsDelayed { by, merged } => Some((rule, by, merged)),
            _ => None,
        })
    }

    /// Until when the server is gone, if it is.
    pub(super) fn down(&self, now: Instant) -> Option<Instant> {
        let down = self.rules.iter().filter(|rule| rule.fault == ApiFault::Down);
        down.map(|rule| rule.until).filter(|until| now < *until).max()
    }

    pub(super) fn request(&mut self, now: Instant, asked: Asked) -> Fate {
        self.expire(now);
        let mut fate = Fate::default();
        for rule in &mut self.rules {
            match &mut rule.fault {
                ApiFault::Slow(delay) => {
                    let delay = *delay;
                    fate.waits.push(rule.wait(delay, None));
                }
                ApiFault::WebhookSilent { timeout, ignored } if asked == Asked::Write => {
                    let (timeout, refused) = (*timeout, !*ignored);
                    fate.waits
                        .push(rule.wait(timeout, refused.then_some(ApiFailure::WebhookSilent)));
                }
                ApiFault::Errors(failure, requests)
                    if fate.failure.is_none() && failure.fits(asked) =>
                {
                    fate.failure = requests.hit(&mut rule.random).then_some(*failure);
                    rule.counts.requests.fetch_add(fate.failure.is_some().into(), Relaxed);
                }
                _ => {}
            }
        }
        fate
    }

    pub(super) fn stale(&mut self, now: Instant, allows: bool, current: u64) -> Option<u64> {
        self.expire(now);
        let stale = self.rules.iter().filter(|rule| match rule.fault {
            ApiFault::ReadsStale(StaleReads::All) => true,
            ApiFault::ReadsStale(StaleReads::Allowing) => allows,
            _ => false,
        });
        let stale = stale.min_by_key(|rule| rule.version).filter(|rule| rule.version < current)?;
        stale.counts.requests.fetch_add(1, Relaxed);
        stale.counts.versions_behind.fetch_max(current - stale.version, Relaxed);
        Some(stale.version)
    }

    /// How a watch is known that opens now.
    pub(super) fn opened(&self, now: Instant) -> Opened {
        Opened { at: now, before: self.next_id }
    }

    pub(super) fn watch(&mut self, now: Instant, opened: Opened, version: u64) -> Course {
        self.expire(now);
        let mut window =
            Window { oldest: None, newest: version, merged: false, late: None, again: None };
        for rule in &self.rules {
            let was_open = opened.before <= rule.id;
            let cut_at = match rule.fault {
                ApiFault::Down => Some(now),
                ApiFault::HistoryCompacted if was_open => Some(now),
                ApiFault::WatchesCut(_) if was_open => Some(now),
                ApiFault::WatchesCut(age) => opened.at.checked_add(age),
                _ => None,
            };
            if cut_at.is_some_and(|at| at <= now) {
                return Course::Cut(Arc::clone(&rule.counts));
            }
            window.look_again(cut_at);
            match rule.fault {
                ApiFault::WatchesStalled if was_open => {
                    return Course::Stall(Arc::clone(&rule.counts), rule.until);
                }
                ApiFault::HistoryCompacted => {
                    window.oldest = Some((rule.version, Arc::clone(&rule.counts)));
                }
                _ => {}
            }
        }
        self.delay(now, &mut window);
        Course::Open(window)
    }

    /// When the store reached a version, as far as it is known while events are delayed.
    pub(super) fn reached(&self, version: u64) -> Option<Instant> {
        self.timeline.reached(version)
    }

    /// Narrows a window to what delayed events have come to.
    fn delay(&self, now: Instant, window: &mut Window) {
        let Some((rule, by, merged)) = self.delaying() else { return };
        let by = by.max(Duration::from_millis(1));
        let (seen, next) = if merged {
            let rounds = (now - rule.from).as_millis() / by.as_millis();
            let round = u32::try_from(rounds).unwrap_or(u32::MAX);
            let begun = rule.from + by.saturating_mul(round);
            // What happens as a round begins belongs to it, and is told at its end.
            (begun - Duration::from_nanos(1), begun.checked_add(by))
        } else {
            let seen = now.checked_sub(by).unwrap_or(rule.from);
            (seen, self.timeline.next(seen).and_then(|reached| reached.checked_add(by)))
        };
        let Some(version) = self.timeline.at(seen) else { return };
        window.newest = version.min(window.newest);
        window.merged = merged;
        window.late = (version > rule.version).then(|| Arc::clone(&rule.counts));
        window.look_again(next);
        window.look_again(Some(rule.until));
    }
}

impl Rule {
    fn wait(&self, delay: Duration, then: Option<ApiFailure>) -> Wait {
        let counts = Arc::clone(&self.counts);
        Wait { id: self.id, delay: delay.min(LIMIT_MAX), then, counts }
    }
}

impl Window {
    fn look_again(&mut self, at: Option<Instant>) {
        self.again = self.again.into_iter().chain(at).min();
    }
}

impl ApiFailure {
    fn fits(self, asked: Asked) -> bool {
        match self {
            Self::Conflict | Self::Timeout | Self::WebhookSilent => asked == Asked::Write,
            Self::TooManyRequests | Self::InternalError => asked != Asked::Other,
        }
    }
}

impl ApiRequests {
    /// Whether the next request is one of them.
    fn hit(&mut self, random: &mut ChaCha8Rng) -> bool {
        match self {
            Self::All => true,
            Self::Share(share) => random.random::<f64>() < *share,
            Self::Next(left) => {
                let hit = *left > 0;
                *left = left.saturating_sub(1);
                hit
            }
        }
    }
}
