//! The rows of the table: each planted bug, where it sits, and what must come of it.

use super::pipeline::{Content, LAST_SECOND, MESSAGES, Planted, REFUSED, Record, TRIAL};
use crate::oracle::Checker;
use crate::oracle::Checker::*;
use crate::scenario::planted::HarnessBug;
use results::{Guarantee, VerdictKind};
use std::time::Duration;
use workloads::Stamp;

/// One row of the table.
pub(super) struct Row {
    /// A sentence without a full stop.
    pub(super) bug: &'static str,
    pub(super) place: Place,
    pub(super) planted: Planted,
    pub(super) guarantee: Guarantee,
    /// Exactly these checkers find something, in the order of [`Checker::ALL`].
    pub(super) found: &'static [Checker],
    pub(super) verdict: VerdictKind,
    /// The built-in scenario that shows the same in a real trial.
    pub(super) scenario: Option<&'static str>,
}

/// Where a bug sits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Nowhere,
    Worker,
    Brokers,
    Collector,
    Driver,
    Recorder,
}

impl Place {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Nowhere => "–",
            Self::Worker => "worker",
            Self::Brokers => "brokers",
            Self::Collector => "collector",
            Self::Driver => "driver",
            Self::Recorder => "recorder",
        }
    }
}

/// Every row.
pub(super) fn rows() -> Vec<Row> {
    [clean(), worker(), brokers(), harness()].into_iter().flatten().collect()
}

fn row(
    place: Place,
    bug: &'static str,
    planted: Planted,
    found: &'static [Checker],
    scenario: Option<&'static str>,
) -> Row {
    let verdict = match place {
        Place::Nowhere => VerdictKind::Pass,
        Place::Collector | Place::Driver | Place::Recorder => VerdictKind::Invalid,
        Place::Worker | Place::Brokers => VerdictKind::Fail,
    };
    let guarantee = Guarantee::AtLeastOnce;
    Row { bug, place, planted, guarantee, found, verdict, scenario }
}

fn clean() -> Vec<Row> {
    let clean = |bug, planted, found, scenario| row(Place::Nowhere, bug, planted, found, scenario);
    vec![
        clean(
            "None: keys overtake each other, a send is refused, two outcomes stay unknown, \
             brokers stall for a second",
            Planted::Nothing,
            &[],
            Some("checkers-clean"),
        ),
        Row {
            guarantee: Guarantee::ExactlyOnce,
            ..clean(
                "None, exactly once: markers of transactions take offsets",
                Planted::Nothing,
                &[],
                Some("durability-exactly-once"),
            )
        },
        clean(
            "None, at least once: a worker crashes and its successor repeats results",
            Planted::Worker(|source| repeated(source, 900..960)),
            &[Duplicated],
            Some("durability-at-least-once"),
        ),
    ]
}

fn worker() -> Vec<Row> {
    let bug = |bug, work, found, scenario| {
        row(Place::Worker, bug, Planted::Worker(work), found, scenario)
    };
    vec![
        bug(
            "It writes no result for one record",
            |s| without(s, 500..501),
            &[Lost],
            Some("checkers-drop"),
        ),
        bug(
            "It commits offsets before it has processed the records, and crashes",
            |source| without(source, 1_200..1_240),
            &[Lost],
            Some("checkers-commit-early"),
        ),
        bug("It skips a poll", |source| without(source, 300..325), &[Lost], None),
        bug(
            "It writes no result in the last second before the drain",
            |source| without(source, MESSAGES - LAST_SECOND..MESSAGES),
            &[Lost],
            Some("checkers-last-second"),
        ),
        bug(
            "It writes two results of a key in the wrong order",
            swapped,
            &[Reordered],
            Some("checkers-swap"),
        ),
        bug(
            "It drops a record and writes another twice, so that the counts agree",
            hidden_loss,
            &[Lost, Duplicated],
            Some("checkers-hidden-loss"),
        ),
        bug(
            "It writes a result for a message that was never sent",
            |source| and(source, |stamp| Some(Stamp { position: u64::MAX - 1, ..stamp })),
            &[Unexpected],
            Some("checkers-unsent"),
        ),
        bug(
            "It writes a result for a message that was refused",
            |source| and(source, |stamp| Some(Stamp { position: REFUSED, ..stamp })),
            &[Unexpected],
            None,
        ),
        bug(
            "It writes a result of another trial",
            |source| and(source, |stamp| Some(Stamp { trial: TRIAL + 1, ..stamp })),
            &[Unexpected],
            None,
        ),
        bug("It writes a result without a stamp", |s| and(s, |_| None), &[Unexpected], None),
        Row {
            guarantee: Guarantee::ExactlyOnce,
            ..bug(
                "It repeats a result although it promises exactly once",
                |source| repeated(source, 500..501),
                &[Duplicated],
                None,
            )
        },
    ]
}

fn brokers() -> Vec<Row> {
    let bug = |bug, planted, found, scenario| row(Place::Brokers, bug, planted, found, scenario);
    let lost: fn(Vec<Stamp>) -> Vec<Stamp> =
        |source| source.into_iter().filter(|stamp| !(800..850).contains(&stamp.position)).collect();
    vec![
        bug(
            "They lose messages that they have acknowledged",
            Planted::Source(lost),
            &[Lost],
            Some("durability-acks-leader"),
        ),
        Row {
            verdict: VerdictKind::Invalid,
            ..bug(
                "They leave an offset out (offset gap)",
                Planted::Results(|partition, log| renumbered(partition, log, 1)),
                &[Skipped],
                None,
            )
        },
        Row {
            verdict: VerdictKind::Invalid,
            ..bug(
                "They give offsets a second time, to new records (offset regression)",
                Planted::Results(|partition, log| renumbered(partition, log, -10)),
                &[Rewound],
                None,
            )
        },
    ]
}

fn harness() -> Vec<Row> {
    let collector =
        |bug, change, found| row(Place::Collector, bug, Planted::Polls(change), found, None);
    let limit = Duration::from_millis(100);
    vec![
        row(
            Place::Collector,
            "It skips a poll",
            Planted::Harness(HarnessBug::SkipPoll { every: 200 }),
            &[Lost, Skipped],
            Some("checkers-skip-poll"),
        ),
        collector(
            "It skips the last poll of a partition",
            |partition, mut polls| {
                polls.truncate(polls.len() - usize::from(partition == 1));
                polls
            },
            &[Lost, Skipped],
        ),
        collector(
            "It never reads a partition",
            |partition, polls| if partition == 3 { Vec::new() } else { polls },
            &[Lost, Skipped],
        ),
        collector("It reads a poll again", read_again, &[Duplicated, Rewound]),
        collector(
            "It takes two polls in the wrong order (non-monotonic reads)",
            |partition, mut polls| {
                if partition == 1 {
                    polls.swap(5, 6);
                }
                polls
            },
            &[Reordered, Skipped, Rewound],
        ),
        row(
            Place::Driver,
            "It stamps messages when it sends them, not when it should have (coordinated omission)",
            Planted::Harness(HarnessBug::StampAtSend),
            &[Misstamped],
            Some("checkers-stamp-at-send"),
        ),
        row(
            Place::Recorder,
            "It drops its slowest samples",
            Planted::Harness(HarnessBug::DropSlowerThan { limit }),
            &[Unrecorded],
            Some("checkers-drop-slowest"),
        ),
    ]
}

/// The results of all but some records.
fn without(source: Vec<Stamp>, positions: std::ops::Range<u64>) -> Vec<Content> {
    source.into_iter().filter(|stamp| !positions.contains(&stamp.position)).map(Some).collect()
}

/// The results of all records, some of them once more after the last of these.
fn repeated(source: Vec<Stamp>, positions: std::ops::Range<u64>) -> Vec<Content> {
    let again = source.iter().filter(|stamp| positions.contains(&stamp.position));
    let again: Vec<Stamp> = again.copied().collect();
    let (before, after): (Vec<Stamp>, Vec<Stamp>) =
        source.into_iter().partition(|stamp| stamp.position < positions.end);
    before.into_iter().chain(again).chain(after).map(Some).collect()
}

/// The results of all records, and one more in the middle.
fn and(source: Vec<Stamp>, more: fn(Stamp) -> Content) -> Vec<Content> {
    let middle = source.len() / 2;
    let further = more(source[middle]);
    let mut written: Vec<Content> = source.into_iter().map(Some).collect();
    written.insert(middle, further);
    written
}

fn hidden_loss(source: Vec<Stamp>) -> Vec<Content> {
    let mut written: Vec<Content> = source.into_iter().map(Some).collect();
    written[400] = written[399];
    written
}

/// Exchanges a result with the next one of its key.
fn swapped(source: Vec<Stamp>) -> Vec<Content> {
    let mut written: Vec<Content> = source.iter().copied().map(Some).collect();
    let next = (601..source.len()).find(|index| source[*index].key == source[600].key);
    written.swap(600, next.unwrap());
    written
}

/// Moves the offsets of one partition from its hundredth record on.
fn renumbered(partition: usize, log: Vec<Record>, by: i64) -> Vec<Record> {
    let moved = |(offset, content): Record| {
        let by = if partition == 2 && offset >= 100 { by } else { 0 };
        (offset + by, content)
    };
    log.into_iter().map(moved).collect()
}

fn read_again(partition: usize, mut polls: Vec<Vec<Record>>) -> Vec<Vec<Record>> {
    if partition == 3 {
        polls.insert(5, polls[4].clone());
    }
    polls
}
