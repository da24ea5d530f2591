//! The last changes, for watches that go on from a resourceVersion.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::Value;

use super::Key;

/// One change of one object.
#[derive(Debug, Clone)]
pub struct Change {
    /// The resourceVersion that the change made.
    pub version: u64,
    /// Which object.
    pub key: Key,
    /// The object before, unless it was created.
    pub before: Option<Arc<Value>>,
    /// The object after; for a deletion its last state, with the deletion's version.
    pub object: Arc<Value>,
    /// Whether the object is gone.
    pub deleted: bool,
    size: usize,
}

/// A window over the latest changes, bounded in number and in bytes.
#[derive(Debug)]
pub(super) struct History {
    changes: VecDeque<Change>,
    changes_max: usize,
    bytes: usize,
    bytes_max: usize,
    /// The newest version that is no longer in the window.
    dropped: u64,
}

impl History {
    pub(super) fn new(changes_max: usize, bytes_max: usize) -> Self {
        Self { changes: VecDeque::new(), changes_max, bytes: 0, bytes_max, dropped: 0 }
    }

    pub(super) fn record(
        &mut self,
        (version, key): (u64, Key),
        before: Option<Arc<Value>>,
        object: Arc<Value>,
        (deleted, size): (bool, usize),
    ) {
        self.bytes = self.bytes.saturating_add(size);
        self.changes.push_back(Change { version, key, before, object, deleted, size });
        while self.changes.len() > self.changes_max || self.bytes > self.bytes_max {
            let Some(oldest) = self.changes.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(oldest.size);
            self.dropped = oldest.version;
        }
    }

    /// The newest version from which a watch can no longer go on is the one before this.
    pub(super) fn oldest_start(&self) -> u64 {
        self.dropped
    }

    /// The changes after `version`, oldest first, or nothing when some of them were dropped.
    pub(super) fn since(&self, version: u64) -> Option<impl DoubleEndedIterator<Item = &Change>> {
        if version < self.dropped {
            return None;
        }
        let start = self.changes.partition_point(|change| change.version <= version);
        Some(self.changes.range(start..))
    }
}
