//! Which offsets may be committed: those whose results, and all before them, are acknowledged.
//!
//! Records are not tracked one by one. The consumed positions are remembered as a snapshot at
//! the end of each epoch (a commit interval), with the number of results produced in it. When as
//! many are acknowledged, in whatever order, the epoch is complete; when every epoch before it
//! is too, its snapshot may be committed. That costs O(1) a record and no allocation.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::acknowledgements::{Acknowledgements, OPEN_EPOCHS_MAX};

/// Next offset to consume, by partition.
pub(crate) type Positions = HashMap<i32, i64>;

/// Follows consumed positions until they may be committed.
#[derive(Debug)]
pub(crate) struct CommitTracker {
    acknowledgements: Arc<Acknowledgements>,
    owned: HashSet<i32>,
    current: Epoch,
    closed: VecDeque<Epoch>,
    ready: Positions,
}

#[derive(Debug, Default)]
struct Epoch {
    number: usize,
    produced: u64,
    positions: Positions,
}

impl CommitTracker {
    pub(crate) fn new(acknowledgements: Arc<Acknowledgements>) -> Self {
        Self {
            acknowledgements,
            owned: HashSet::new(),
            current: Epoch::default(),
            closed: VecDeque::new(),
            ready: HashMap::new(),
        }
    }

    /// Partitions were assigned.
    pub(crate) fn assigned(&mut self, partitions: &[i32]) {
        self.owned.extend(partitions);
    }

    /// Partitions are given up: nothing of them will be committed any more.
    pub(crate) fn revoked(&mut self, partitions: &[i32]) {
        for partition in partitions {
            self.owned.remove(partition);
            self.current.positions.remove(partition);
            for epoch in &mut self.closed {
                epoch.positions.remove(partition);
            }
            self.ready.remove(partition);
        }
    }

    /// Number of partitions owned.
    pub(crate) fn owned(&self) -> usize {
        self.owned.len()
    }

    /// A result is about to be produced; returns the epoch to acknowledge it for.
    pub(crate) fn producing(&mut self) -> usize {
        self.current.produced += 1;
        self.current.number
    }

    /// A record was taken, and all its results were produced.
    pub(crate) fn consumed(&mut self, partition: i32, offset: i64) {
        // A planted bug may finish records of partitions that are no longer owned.
        if self.owned.contains(&partition) {
            self.current.positions.insert(partition, offset + 1);
        }
    }

    /// Ends the epoch and gathers what may be committed since the last time.
    pub(crate) fn snapshot(&mut self) -> Positions {
        // Complete epochs make room first, so that the last one can always be closed.
        self.gather();
        let open = !self.current.positions.is_empty() || self.current.produced > 0;
        if open && self.closed.len() + 1 < OPEN_EPOCHS_MAX {
            let next = Epoch { number: self.current.number.wrapping_add(1), ..Epoch::default() };
            self.closed.push_back(std::mem::replace(&mut self.current, next));
        }
        self.gather();
        std::mem::take(&mut self.ready)
    }

    /// Moves the positions of complete epochs to those that may be committed.
    fn gather(&mut self) {
        while let Some(epoch) = self.closed.front() {
            if self.acknowledgements.count(epoch.number) < epoch.produced {
                break;
            }
            self.acknowledgements.release(epoch.number);
            self.ready.extend(&epoch.positions);
            self.closed.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tracker(partitions: &[i32]) -> (CommitTracker, Arc<Acknowledgements>) {
        let acknowledgements = Arc::new(Acknowledgements::default());
        let mut tracker = CommitTracker::new(Arc::clone(&acknowledgements));
        tracker.assigned(partitions);
        (tracker, acknowledgements)
    }

    fn take(tracker: &mut CommitTracker, partition: i32, offset: i64) -> usize {
        let epoch = tracker.producing();
        tracker.consumed(partition, offset);
        epoch
    }

    #[test]
    fn nothing_is_committed_before_its_result_is_acknowledged() {
        let (mut tracker, acknowledgements) = tracker(&[0]);
        let epoch = take(&mut tracker, 0, 41);
        assert_eq!(tracker.snapshot(), Positions::new());
        acknowledgements.acknowledge(epoch);
        assert_eq!(tracker.snapshot(), Positions::from([(0, 42)]));
        assert_eq!(tracker.snapshot(), Positions::new());
    }

    #[test]
    fn a_later_epoch_waits_for_an_earlier_one() {
        let (mut tracker, acknowledgements) = tracker(&[0]);
        let first = take(&mut tracker, 0, 0);
        tracker.snapshot();
        let second = take(&mut tracker, 0, 1);
        acknowledgements.acknowledge(second);
        assert_eq!(tracker.snapshot(), Positions::new());
        acknowledgements.acknowledge(first);
        assert_eq!(tracker.snapshot(), Positions::from([(0, 2)]));
    }

    #[test]
    fn records_without_a_result_are_committed_too() {
        let (mut tracker, _) = tracker(&[3]);
        tracker.consumed(3, 9);
        assert_eq!(tracker.snapshot(), Positions::from([(3, 10)]));
    }

    #[test]
    fn revoked_partitions_are_never_committed() {
        let (mut tracker, acknowledgements) = tracker(&[0, 1]);
        let epoch = take(&mut tracker, 0, 5);
        acknowledgements.acknowledge(epoch);
        let epoch = take(&mut tracker, 1, 6);
        acknowledgements.acknowledge(epoch);
        tracker.revoked(&[0]);
        tracker.consumed(0, 7);
        assert_eq!(tracker.snapshot(), Positions::from([(1, 7)]));
        assert_eq!(tracker.owned(), 1);
    }

    #[test]
    fn a_stalled_broker_does_not_grow_memory_and_loses_no_position() {
        let (mut tracker, acknowledgements) = tracker(&[0]);
        let epochs: Vec<usize> = (0..5_000)
            .map(|offset| {
                let epoch = take(&mut tracker, 0, offset);
                assert_eq!(tracker.snapshot(), Positions::new());
                epoch
            })
            .collect();
        assert!(tracker.closed.len() < OPEN_EPOCHS_MAX);
        epochs.into_iter().for_each(|epoch| acknowledgements.acknowledge(epoch));
        assert_eq!(tracker.snapshot(), Positions::from([(0, 5_000)]));
    }

    proptest! {
        /// Against a model that follows every record: at any time, whatever is handed out has
        /// all its results acknowledged.
        #[test]
        fn no_schedule_of_acknowledgements_commits_too_early(
            steps in prop::collection::vec((0_u8..4, any::<prop::sample::Index>()), 1..300),
        ) {
            let (mut tracker, acknowledgements) = tracker(&[0, 1]);
            let mut next = [0_i64; 2];
            let mut committed = Positions::new();
            let mut pending: Vec<(usize, i32, i64)> = Vec::new();
            for (step, index) in steps {
                match step {
                    partition @ 0..2 => {
                        let offset = next[usize::from(partition)];
                        next[usize::from(partition)] += 1;
                        let epoch = take(&mut tracker, i32::from(partition), offset);
                        pending.push((epoch, i32::from(partition), offset));
                    }
                    2 if !pending.is_empty() => {
                        let (epoch, ..) = pending.swap_remove(index.index(pending.len()));
                        acknowledgements.acknowledge(epoch);
                    }
                    _ => {
                        for (partition, position) in tracker.snapshot() {
                            let early = pending.iter().any(|&(_, of, offset)| {
                                of == partition && offset < position
                            });
                            prop_assert!(!early, "committed {position} of {partition}");
                            committed.insert(partition, position);
                        }
                    }
                }
            }
            pending.drain(..).for_each(|(epoch, ..)| acknowledgements.acknowledge(epoch));
            committed.extend(tracker.snapshot());
            for partition in 0..2 {
                let position = committed.get(&partition).copied().unwrap_or(0);
                prop_assert_eq!(position, next[partition as usize]);
            }
        }
    }
}
