//! Messages beside the load, each accounted for to its end: refused by a broker, processed, or put
//! aside by a worker as a dead letter.
//!
//! They bear stamps as the load does, with a tag for each lot, so that the checkers can tell them
//! apart: a result of a message that had to be put aside is unexpected.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use workloads::Stamp;

/// The lots of strays of a trial, by the tags of their stamps.
#[derive(Debug)]
pub struct Strays {
    trial: u32,
    lots: Mutex<BTreeMap<u32, Arc<Lot>>>,
}

/// What is to become of a stray.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is a message like any other, if a broker accepts it.
    Processed,
    /// No worker can process it.
    PutAside,
}

/// The strays of one fault. Takes some bytes a stray.
#[derive(Debug)]
pub(super) struct Lot {
    pub(super) tag: u32,
    pub(super) fate: Fate,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    accepted: BTreeSet<u64>,
    settled: BTreeSet<u64>,
    refused: u64,
}

/// How many strays of a lot met which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) accepted: usize,
    pub(super) refused: u64,
    /// Processed or put aside, as they must be.
    pub(super) settled: usize,
    /// Accepted, and not settled.
    pub(super) open: usize,
}

impl Strays {
    /// None yet, in the trial whose load has this tag.
    pub fn new(trial: u32) -> Self {
        Self { trial, lots: Mutex::default() }
    }

    /// Takes a result in; false if it is not of a stray that may have one.
    pub fn processed(&self, stamp: &Stamp) -> bool {
        let lots = self.lots();
        let lot = lots.get(&stamp.trial).filter(|lot| lot.fate == Fate::Processed);
        lot.inspect(|lot| lot.settled(stamp.position)).is_some()
    }

    pub(super) fn open(&self, fate: Fate) -> Arc<Lot> {
        let mut lots = self.lots();
        let tag = self.trial.wrapping_add(1 + lots.len() as u32);
        let lot = Arc::new(Lot { tag, fate, book: Mutex::default() });
        lots.insert(tag, Arc::clone(&lot));
        lot
    }

    fn lots(&self) -> MutexGuard<'_, BTreeMap<u32, Arc<Lot>>> {
        self.lots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lot {
    pub(super) fn accepted(&self, position: u64) {
        self.book().accepted.insert(position);
    }

    pub(super) fn refused(&self) {
        self.book().refused += 1;
    }

    pub(super) fn settled(&self, position: u64) {
        self.book().settled.insert(position);
    }

    pub(super) fn account(&self) -> Account {
        let book = self.book();
        Account {
            accepted: book.accepted.len(),
            refused: book.refused,
            settled: book.settled.len(),
            open: book.accepted.difference(&book.settled).count(),
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    /// What has landed, in words; nothing if no broker refused and no worker settled any.
    pub(super) fn sentence(self, fate: Fate) -> Option<String> {
        let Self { accepted, refused, settled, .. } = self;
        let settled_as = match fate {
            Fate::Processed => "processed",
            Fate::PutAside => "put aside",
        };
        let refused = (refused > 0).then(|| format!("{refused} refused by brokers"));
        let settled = (settled > 0)
            .then(|| format!("{accepted} accepted by brokers, {settled} {settled_as} by workers"));
        let parts: Vec<String> = refused.into_iter().chain(settled).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(trial: u32, position: u64) -> Stamp {
        Stamp { trial, position, ..Stamp::default() }
    }

    #[test]
    fn each_stray_is_accounted_for_in_its_own_lot() {
        let strays = Strays::new(7);
        let (fit, unfit) = (strays.open(Fate::Processed), strays.open(Fate::PutAside));
        (0..3).for_each(|position| fit.accepted(position));
        unfit.accepted(0);
        assert_eq!(fit.account().sentence(fit.fate), None, "no worker had any");
        assert!(strays.processed(&stamp(fit.tag, 1)) && strays.processed(&stamp(fit.tag, 1)));
        assert!(!strays.processed(&stamp(7, 1)), "that is the load's");
        assert!(!strays.processed(&stamp(unfit.tag, 0)), "that should have been put aside");
        assert_eq!(fit.account(), Account { accepted: 3, refused: 0, settled: 1, open: 2 });
        assert_eq!(unfit.account().open, 1);
        unfit.settled(0);
        unfit.refused();
        assert_eq!(
            unfit.account().sentence(unfit.fate).unwrap(),
            "1 refused by brokers; 1 accepted by brokers, 1 put aside by workers"
        );
    }
}
