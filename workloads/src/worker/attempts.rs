//! Of which record workers died, and how often: after so many times the next one puts it aside.
//!
//! A worker that dies cannot say of what. So a note goes with each committed offset: between which
//! records the worker is. It is taken back when partitions are given up in order; whoever finds one
//! has a predecessor that died there, and notes part after part of it before it goes on, a
//! [`PARTS`]th at a time. What it dies of is in the part that it noted last: the next worker has
//! that much less to look through, until parts are single records, whose attempts are counted.
//! A worker that has got past all of it is careful no more, and stands at what it has committed.
//!
//! The worker that died first had no reason to be careful, and knows of no end but the log's. With
//! `n` records from what it had committed to there, a record costs that worker, as many as it has
//! attempts, and at most one for each time that `n` must be divided by [`PARTS`] to get down to
//! [`PARTS`]. A worker waits for at most so many notes in a partition, however many records it has.

use std::collections::HashMap;
use std::str::FromStr;

/// Notes that a worker may make on its way through the records that its predecessor was at. Each
/// stops it for one answer of the brokers, which fewer would spare, and with more it takes fewer
/// deaths to find a record.
const PARTS: i64 = 32;
/// The end of what a worker may be at that has no reason to be careful.
const OPEN: i64 = i64::MAX;

/// What is committed with an offset while a worker has its partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// No record before this one kills.
    pub(crate) from: i64,
    /// The worker has begun no record from here on.
    pub(crate) until: i64,
    /// How often the record was begun, if it is one.
    pub(crate) times: u32,
}

/// What to do about a record before it is processed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Care {
    /// Nothing.
    None,
    /// The notes have changed, and are to be committed.
    Note,
    /// It has had its attempts.
    PutAside,
    /// The worker has got past what its predecessor was at. All before this record is to be
    /// committed, or a worker that dies of a record soon after would leave its successor as much
    /// to look through as it had itself.
    Past,
}

/// The partitions that a worker has, and those among them whose last worker died.
#[derive(Debug)]
pub(crate) struct Attempts {
    max: u32,
    /// What may be committed, by partition.
    positions: HashMap<i32, i64>,
    suspects: HashMap<i32, Suspect>,
}

/// A partition whose last worker died.
#[derive(Debug)]
struct Suspect {
    /// Where it may have died.
    left: Note,
    /// How many records are noted at a time.
    part: i64,
    /// The part that this worker is in.
    begun: Option<Note>,
}

impl Attempts {
    pub(crate) fn new(max: u32) -> Self {
        Self { max, positions: HashMap::new(), suspects: HashMap::new() }
    }

    /// The worker before died with this note, and the log ends at `end`.
    pub(crate) fn suspect(&mut self, partition: i32, note: Note, end: i64) {
        let left = Note { until: note.until.min(end), ..note };
        let records = left.until.saturating_sub(left.from).max(1);
        let part = (records - 1) / PARTS + 1;
        self.suspects.insert(partition, Suspect { left, part, begun: None });
    }

    /// A record is about to be processed, and all that were before it have been.
    pub(crate) fn begin(&mut self, partition: i32, offset: i64) -> Care {
        let Some(suspect) = self.suspects.get_mut(&partition) else { return Care::None };
        let care = suspect.begin(offset, self.max);
        match care {
            Care::Past => drop(self.suspects.remove(&partition)),
            Care::Note => {
                let others = self.suspects.iter_mut().filter(|(other, _)| **other != partition);
                others.for_each(|(_, suspect)| suspect.survived());
            }
            Care::None | Care::PutAside => {}
        }
        care
    }

    /// This position may be committed; the note that goes with it.
    pub(crate) fn settle(&mut self, partition: i32, position: i64) -> Note {
        self.positions.insert(partition, position);
        let suspect = self.suspects.get(&partition);
        suspect.map_or(Note { from: position, until: OPEN, times: 0 }, Suspect::note)
    }

    /// What may be committed, and the note while the worker is careful.
    pub(crate) fn state(&self, partition: i32) -> Option<(i64, Option<Note>)> {
        let note = self.suspects.get(&partition).map(Suspect::note);
        self.positions.get(&partition).map(|&position| (position, note))
    }

    /// The partitions that it knows.
    pub(crate) fn partitions(&self) -> Vec<i32> {
        self.positions.keys().copied().collect()
    }

    /// Those among them whose last worker died.
    pub(crate) fn suspected(&self) -> Vec<i32> {
        self.suspects.keys().copied().collect()
    }

    /// A partition is given up.
    pub(crate) fn forget(&mut self, partition: i32) {
        self.positions.remove(&partition);
        self.suspects.remove(&partition);
    }
}

impl Suspect {
    fn begin(&mut self, offset: i64, max: u32) -> Care {
        if offset < self.left.from || self.begun.is_some_and(|begun| offset < begun.until) {
            return Care::None;
        }
        if offset >= self.left.until {
            return Care::Past;
        }
        let before = if self.left.is_one() { self.left.times } else { 0 };
        if before >= max {
            return Care::PutAside;
        }
        let until = offset.saturating_add(self.part).min(self.left.until);
        let part = Note { from: offset, until, times: 0 };
        self.begun = Some(Note { times: if part.is_one() { before + 1 } else { 0 }, ..part });
        Care::Note
    }

    /// A record elsewhere is begun: if the worker dies, it is not of a single one here.
    fn survived(&mut self) {
        if let Some(begun) = self.begun.take_if(|begun| begun.is_one()) {
            self.left = Note { from: begun.until, until: self.left.until, times: 0 };
        }
    }

    fn note(&self) -> Note {
        self.begun.unwrap_or(self.left)
    }
}

impl Note {
    /// As it is committed.
    pub(crate) fn text(self) -> String {
        let Self { from, until, times } = self;
        if until == OPEN {
            format!("at {from}")
        } else {
            format!("at {from} to {until} begun {times}")
        }
    }

    fn is_one(self) -> bool {
        self.until.saturating_sub(self.from) == 1
    }
}

impl FromStr for Note {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.strip_prefix("at ").ok_or(())?;
        let number = |text: &str| text.parse().map_err(drop);
        let Some((from, rest)) = text.split_once(" to ") else {
            return Ok(Self { from: number(text)?, until: OPEN, times: 0 });
        };
        let (until, times) = rest.split_once(" begun ").ok_or(())?;
        Ok(Self { from: number(from)?, until: number(until)?, times: times.parse().map_err(drop)? })
    }
}

#[cfg(test)]
mod tests;
