//! What became of the messages of a trial, as every report tells it.

use crate::record::{Delivery, RunRecord};

use super::format::count;

/// A count of messages or results.
type Count = fn(&Delivery) -> u64;

/// The counts of a trial with their headings, in the order of a message's way.
pub(super) const COUNTS: [(&str, Count); 9] = [
    ("planned", |of| of.planned),
    ("acknowledged", |of| of.acknowledged),
    ("failed", |of| of.failed),
    ("unknown", |of| of.unknown),
    ("observed", |of| of.observed),
    ("lost", |of| of.lost),
    ("duplicated", |of| of.duplicated),
    ("reordered", |of| of.reordered),
    ("unexpected", |of| of.unexpected),
];

/// The headings of an account: whose it is, what was demanded, and the counts.
pub(super) fn headings() -> Vec<&'static str> {
    let counts = COUNTS.map(|(heading, _)| heading);
    ["trial", "demanded"].into_iter().chain(counts).collect()
}

/// What reading the source log at the end found, where it was read.
pub(super) fn audit(trial: &RunRecord, name: &str) -> Option<String> {
    let audit = trial.delivery.audit?;
    Some(format!(
        "In {name}, the source log lacked {} acknowledged messages at the end; {} of them had no \
         result.",
        count(audit.absent),
        count(audit.absent_and_lost)
    ))
}
