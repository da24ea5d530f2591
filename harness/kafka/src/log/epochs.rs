//! Where each leader epoch began (KIP-101, KIP-279).

/// The first offset of each leader epoch, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Epochs {
    starts: Vec<(i32, i64)>,
}

impl Epochs {
    /// A new leader begins at `start`. Epochs that wrote nothing leave no trace.
    pub(crate) fn begin(&mut self, epoch: i32, start: i64) {
        self.starts.retain(|&(_, earlier)| earlier < start);
        self.starts.push((epoch, start));
    }

    /// The last epoch.
    pub(crate) fn latest(&self) -> Option<i32> {
        self.starts.last().map(|&(epoch, _)| epoch)
    }

    /// Forgets epochs that began at or after `log_end`.
    pub(crate) fn truncate(&mut self, log_end: i64) {
        self.starts.retain(|&(_, start)| start < log_end);
    }

    /// Forgets epochs that lie wholly before `log_start`.
    pub(crate) fn advance_start(&mut self, log_start: i64) {
        let first = self.starts.partition_point(|&(_, start)| start <= log_start);
        self.starts.drain(..first.saturating_sub(1));
    }

    /// The largest epoch not after `epoch`, and the offset where it ended: the next epoch's start,
    /// or `log_end` for the last. `None` when `epoch` is after the last, or none at all.
    pub(crate) fn end_of(&self, epoch: i32, log_end: i64) -> Option<(i32, i64)> {
        if epoch < 0 {
            return None;
        }
        let after = self.starts.partition_point(|&(known, _)| known <= epoch);
        match (after.checked_sub(1), self.starts.get(after)) {
            (Some(found), Some(&(_, next_start))) => Some((self.starts[found].0, next_start)),
            (Some(found), None) if self.starts[found].0 == epoch => Some((epoch, log_end)),
            (Some(_), None) | (None, None) => None,
            (None, Some(&(_, first_start))) => Some((epoch, first_start)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_ends_where_the_next_began() {
        let mut epochs = Epochs::default();
        epochs.begin(0, 0);
        epochs.begin(2, 10);
        epochs.begin(5, 25);
        assert_eq!(epochs.end_of(0, 40), Some((0, 10)));
        assert_eq!(epochs.end_of(1, 40), Some((0, 10)));
        assert_eq!(epochs.end_of(4, 40), Some((2, 25)));
        assert_eq!(epochs.end_of(5, 40), Some((5, 40)));
        assert_eq!(epochs.end_of(6, 40), None);
    }

    #[test]
    fn epochs_without_records_leave_no_trace() {
        let mut epochs = Epochs::default();
        (0..1_000).for_each(|epoch| epochs.begin(epoch, 7));
        assert_eq!(epochs.starts, [(999, 7)]);
    }

    #[test]
    fn a_truncated_log_knows_only_the_epochs_that_it_still_has() {
        let mut epochs = Epochs::default();
        epochs.begin(0, 0);
        epochs.begin(2, 10);
        epochs.begin(5, 25);
        epochs.truncate(25);
        assert_eq!((epochs.latest(), epochs.end_of(2, 25)), (Some(2), Some((2, 25))));
        epochs.truncate(0);
        assert_eq!(epochs.latest(), None);
    }

    #[test]
    fn old_epochs_are_forgotten_with_their_records() {
        let mut epochs = Epochs::default();
        epochs.begin(0, 0);
        epochs.begin(1, 10);
        epochs.begin(2, 20);
        epochs.advance_start(15);
        assert_eq!(epochs.starts, [(1, 10), (2, 20)]);
        assert_eq!(epochs.end_of(0, 40), Some((0, 10)));
    }
}
