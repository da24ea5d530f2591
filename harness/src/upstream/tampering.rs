//! What the driver asks before each message: whether it may be sent now, with which key, how often.

use crate::clock::Anchor;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use workloads::{Event, Symbol};

/// What is in force, and what came of it. The driver asks one atomic while nothing is.
#[derive(Debug, Default)]
pub struct Tampering {
    at_work: AtomicBool,
    force: Mutex<Force>,
    /// The key that stamps of the hot key name: the first that the workload has not.
    hot_index: u32,
    pub(super) counts: Counts,
}

#[derive(Debug, Default)]
struct Force {
    silent: Option<Anchor>,
    hot: Option<Draw>,
    twice: Option<Draw>,
    /// The key that gets hot, and its next sequence number: the same in every fault of a trial, so
    /// that its order can be told.
    hot_symbol: Option<Symbol>,
    hot_sequence: u32,
}

/// A share of messages, drawn by their positions, until a limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Draw {
    pub(super) share: f64,
    pub(super) seed: u64,
    pub(super) until: Anchor,
}

/// What the driver did, and what brokers acknowledged of it.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// The driver has met the silence, and has not yet sent all that it held back.
    pub(super) behind: AtomicBool,
    /// The first message that is held back.
    pub(super) next: AtomicU64,
    /// Messages held back by silences that are over, and the time that sending them took.
    pub(super) withheld: AtomicU64,
    pub(super) flood_us: AtomicU64,
    /// Acknowledged while anything was at work: all, those of the hot key, and second copies.
    pub(super) acknowledged: AtomicU64,
    pub(super) hot: AtomicU64,
    pub(super) hot_partition: AtomicI32,
    pub(super) copies: AtomicU64,
}

/// What is different about a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Made {
    /// It bears the hot key.
    pub hot: bool,
    /// It is to be sent a second time.
    pub twice: bool,
}

impl Tampering {
    /// Nothing is in force, over a workload with so many keys.
    pub fn new(keys: u32) -> Self {
        Self { hot_index: keys, ..Self::default() }
    }

    /// Whether anything is in force.
    pub fn is_at_work(&self) -> bool {
        self.at_work.load(Ordering::Relaxed)
    }

    /// Whether nothing may be sent now; `next` is the message that would be.
    pub fn is_silent(&self, next: u64) -> bool {
        let silent = self.is_at_work() && self.force().silent.is_some_and(is_ahead);
        if silent && !self.counts.behind.swap(true, Ordering::Relaxed) {
            self.counts.next.store(next, Ordering::Relaxed);
        }
        silent
    }

    /// All that was held back has been sent: so many messages, in so many microseconds.
    pub fn caught_up(&self, messages: u64, took_us: u64) {
        self.counts.withheld.fetch_add(messages, Ordering::Relaxed);
        self.counts.flood_us.fetch_add(took_us, Ordering::Relaxed);
        self.counts.behind.store(false, Ordering::Release);
    }

    /// Makes of a message what is in force.
    pub fn make(&self, event: &mut Event) -> Made {
        if !self.is_at_work() {
            return Made::default();
        }
        let mut force = self.force();
        let drawn = |draw: Option<Draw>| draw.is_some_and(|draw| draw.hits(event.position));
        let made = Made { hot: drawn(force.hot), twice: drawn(force.twice) };
        if made.hot {
            event.tick.symbol = *force.hot_symbol.get_or_insert(event.tick.symbol);
            event.key = self.hot_index;
            event.sequence = force.hot_sequence;
            force.hot_sequence += 1;
        }
        made
    }

    /// A broker acknowledged a message of the load.
    pub fn acknowledged(&self, hot: bool, partition: i32) {
        if self.is_at_work() {
            self.counts.acknowledged.fetch_add(1, Ordering::Relaxed);
            if hot {
                self.counts.hot.fetch_add(1, Ordering::Relaxed);
                self.counts.hot_partition.store(partition, Ordering::Relaxed);
            }
        }
    }

    /// A broker acknowledged the second copy of a message.
    pub fn acknowledged_again(&self) {
        self.counts.copies.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn silence(&self, until: Option<Anchor>) {
        self.change(|force| force.silent = until);
    }

    pub(super) fn heat(&self, draw: Option<Draw>) {
        self.change(|force| force.hot = draw);
    }

    pub(super) fn double(&self, draw: Option<Draw>) {
        self.change(|force| force.twice = draw);
    }

    /// The key that is hot, or was.
    pub(super) fn hot_key(&self) -> Option<String> {
        let symbol = self.force().hot_symbol?;
        Some(String::from_utf8_lossy(symbol.as_bytes()).into_owned())
    }

    fn change(&self, change: impl FnOnce(&mut Force)) {
        let mut force = self.force();
        change(&mut force);
        let any = force.silent.is_some() || force.hot.is_some() || force.twice.is_some();
        self.at_work.store(any, Ordering::Relaxed);
    }

    fn force(&self) -> MutexGuard<'_, Force> {
        self.force.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Draw {
    fn hits(&self, position: u64) -> bool {
        is_ahead(self.until) && unit(self.seed ^ position) < self.share
    }
}

fn is_ahead(limit: Anchor) -> bool {
    limit.elapsed_ns() < 0
}

/// A number from 0 to below 1 of a word: the finaliser of SplitMix64 (Steele, Lea and Flood,
/// OOPSLA 2014).
fn unit(word: u64) -> f64 {
    let mut mixed = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    (mixed >> 11) as f64 / (1u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn draw(share: f64) -> Option<Draw> {
        Some(Draw { share, seed: 7, until: Anchor::ahead(Duration::from_secs(60)) })
    }

    fn event(position: u64) -> Event {
        Event { position, key: (position % 5) as u32, ..Event::default() }
    }

    #[test]
    fn nothing_is_made_of_a_message_while_nothing_is_in_force() {
        let tampering = Tampering::new(5);
        let mut message = event(3);
        assert_eq!(tampering.make(&mut message), Made::default());
        assert_eq!(message, event(3));
        assert!(!tampering.is_silent(0));
    }

    #[test]
    fn the_hot_key_has_an_order_of_its_own_across_faults() {
        let tampering = Tampering::new(5);
        let mut sequences = Vec::new();
        for _ in 0..2 {
            tampering.heat(draw(0.5));
            for position in 0..1_000 {
                let mut message = event(position);
                if tampering.make(&mut message).hot {
                    assert_eq!(message.key, 5);
                    sequences.push(message.sequence);
                } else {
                    assert_eq!(message, event(position));
                }
            }
            tampering.heat(None);
        }
        let expected: Vec<u32> = (0..sequences.len() as u32).collect();
        assert_eq!(sequences, expected);
        assert!((900..1_100).contains(&sequences.len()), "{}", sequences.len());
    }

    #[test]
    fn a_limit_ends_what_nobody_heals() {
        let tampering = Tampering::new(5);
        tampering.silence(Some(Anchor::ahead(Duration::from_millis(20))));
        tampering.double(Some(Draw { until: Anchor::now(), ..draw(1.0).unwrap() }));
        assert!(tampering.is_silent(9));
        assert!(!tampering.make(&mut event(9)).twice);
        std::thread::sleep(Duration::from_millis(30));
        assert!(!tampering.is_silent(9));
        assert_eq!(tampering.counts.next.load(Ordering::Relaxed), 9);
    }
}
