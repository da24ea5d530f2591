//! The ledger of sends and results: one bit a message and outcome.

use super::bits::Bits;
use super::eras::Eras;
use std::sync::atomic::{AtomicU64, Ordering};

/// What was sent, acknowledged, refused and observed, by position.
///
/// Positions are sent in order, so that "sent" is a count; a message that was sent and neither
/// acknowledged nor refused has an unknown outcome. Takes three bits a planned message, and one more
/// where messages are sent twice on purpose.
#[derive(Debug)]
pub struct Ledger {
    planned: u64,
    sent: AtomicU64,
    acknowledged: Bits,
    failed: Bits,
    observed: Bits,
    /// Sent a second time on purpose, and the result of that not yet seen.
    repeated: Bits,
    /// How many partitions the messages were spread over.
    pub eras: Eras,
}

/// How a result stands to what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// The first result of this message.
    First,
    /// Another result of a message that already has one.
    Again,
    /// The same, of a message that was sent twice on purpose.
    Repeated,
    /// No such message was sent, or it was refused.
    NeverSent,
}

/// How many messages met which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Handed to the client.
    pub sent: u64,
    /// Acknowledged by the broker.
    pub acknowledged: u64,
    /// Refused for certain.
    pub failed: u64,
    /// Neither acknowledged nor refused.
    pub unknown: u64,
    /// Seen in the result topic at least once.
    pub observed: u64,
}

impl Ledger {
    /// An empty ledger for `planned` messages.
    pub fn new(planned: u64) -> Self {
        Self {
            planned,
            sent: AtomicU64::new(0),
            acknowledged: Bits::new(planned),
            failed: Bits::new(planned),
            observed: Bits::new(planned),
            repeated: Bits::new(0),
            eras: Eras::default(),
        }
    }

    /// Lets messages be sent twice.
    #[must_use]
    pub fn with_repeats(self) -> Self {
        Self { repeated: Bits::new(self.planned), ..self }
    }

    /// How many messages the schedule holds.
    pub fn planned(&self) -> u64 {
        self.planned
    }

    /// Notes that `position` is about to be handed to the client, before it is.
    pub fn sending(&self, position: u64) {
        self.sent.store(position + 1, Ordering::Release);
    }

    /// Notes that a message is about to be sent a second time, on purpose: it may have two results.
    pub fn repeating(&self, position: u64) {
        self.repeated.set(position);
    }

    /// Notes the broker's acknowledgement.
    pub fn acknowledged(&self, position: u64) {
        self.acknowledged.set(position);
    }

    /// Notes a certain refusal: the message is in no log.
    pub fn failed(&self, position: u64) {
        self.failed.set(position);
    }

    /// Notes a result.
    pub fn observe(&self, position: u64) -> Seen {
        if position >= self.sent() || self.failed.get(position) {
            Seen::NeverSent
        } else if !self.observed.set(position) {
            Seen::First
        } else if self.repeated.take(position) {
            Seen::Repeated
        } else {
            Seen::Again
        }
    }

    /// Messages handed to the client so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Acquire)
    }

    /// Positions acknowledged and not observed, in order.
    pub fn missing(&self) -> impl Iterator<Item = u64> + '_ {
        self.acknowledged.without(&self.observed)
    }

    /// Positions acknowledged and not in a log, in order, each with whether it was observed.
    pub(super) fn absent<'a>(&'a self, log: &'a Bits) -> impl Iterator<Item = (u64, bool)> + 'a {
        self.acknowledged.without(log).map(|position| (position, self.observed.get(position)))
    }

    /// The counts as they stand.
    pub fn counts(&self) -> Counts {
        let (sent, acknowledged, failed) =
            (self.sent(), self.acknowledged.count(), self.failed.count());
        let unknown = sent.saturating_sub(acknowledged + failed);
        Counts { sent, acknowledged, failed, unknown, observed: self.observed.count() }
    }
}
