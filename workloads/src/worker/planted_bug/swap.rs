//! Holds a result back until the next one of the same key was written.

use crate::worker::record::{OwnedRecord, Record};

/// The result held back, if any.
#[derive(Debug)]
pub(crate) struct SwapWithinKey {
    every: u64,
    until_next: u64,
    held: Option<OwnedRecord>,
}

/// What to write for a record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// The record.
    AsIs,
    /// Nothing yet.
    Held,
    /// The record, and after it the one held back before.
    Then(OwnedRecord),
}

impl SwapWithinKey {
    pub(crate) fn new(every: u64) -> Self {
        Self { every, until_next: every / 2, held: None }
    }

    /// Decides for the next record.
    pub(crate) fn order(&mut self, record: &Record<'_>) -> Order {
        if let Some(held) = self.held.take_if(|held| held.borrow().key == record.key) {
            return Order::Then(held);
        }
        self.until_next = self.until_next.saturating_sub(1);
        if self.until_next > 0 || self.held.is_some() || record.key.is_none() {
            return Order::AsIs;
        }
        self.until_next = self.every;
        self.held = Some(OwnedRecord::of(record));
        Order::Held
    }

    /// Gives up the result held back, so that it is only late and never lost.
    pub(crate) fn release(&mut self) -> Option<OwnedRecord> {
        self.held.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: &'static str, offset: i64) -> Record<'static> {
        let key = Some(key.as_bytes());
        Record { partition: 0, offset, key, value: None, header: None, rejected: None }
    }

    #[test]
    fn two_records_of_one_key_change_places_and_others_pass_between() {
        let mut bug = SwapWithinKey::new(2);
        assert_eq!(bug.order(&record("a", 0)), Order::Held);
        assert_eq!(bug.order(&record("b", 1)), Order::AsIs);
        assert_eq!(bug.order(&record("a", 2)), Order::Then(OwnedRecord::of(&record("a", 0))));
    }

    #[test]
    fn nothing_is_lost_or_doubled() {
        let mut bug = SwapWithinKey::new(5);
        let mut written = Vec::new();
        for offset in 0..1_000 {
            let record = record(["a", "b", "c"][offset as usize % 3], offset);
            match bug.order(&record) {
                Order::AsIs => written.push(offset),
                Order::Held => {}
                Order::Then(held) => written.extend([offset, held.borrow().offset]),
            }
        }
        written.extend(bug.release().map(|held| held.borrow().offset));
        let disorder = written.windows(2).filter(|pair| pair[0] > pair[1]).count();
        assert!(disorder > 50, "{disorder}");
        written.sort_unstable();
        assert_eq!(written, (0..1_000).collect::<Vec<i64>>());
    }
}
