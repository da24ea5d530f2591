//! What the checkers of the harness's own measuring found.

use serde::{Deserialize, Serialize};

use crate::record::{Guarantee, RunRecord};

/// Findings about the harness itself. A trial in which any of them is not zero is invalid: it did
/// not measure what it claims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HarnessChecks {
    /// Offsets of the result topic that the collector passed over. Absent under exactly once:
    /// there, markers of transactions and aborted results take offsets that nobody reads.
    pub skipped: Option<u64>,
    /// Offsets of the result topic that the collector read after a later one of their partition.
    pub rewound: u64,
    /// Results whose stamp bears another intended time than the schedule gives to their message.
    pub misstamped: u64,
    /// Results without a sample in a recorder of response times, samples without a result, and
    /// the slowest result if the recorder does not have it.
    pub unrecorded: u64,
}

impl HarnessChecks {
    /// Every count with its name; one that could not be told is zero.
    pub fn counts(&self) -> [(&'static str, u64); 4] {
        [
            ("skipped", self.skipped.unwrap_or(0)),
            ("rewound", self.rewound),
            ("misstamped", self.misstamped),
            ("unrecorded", self.unrecorded),
        ]
    }
}

/// What the checks of a record cannot say beside its other numbers: the field, and what is wrong.
pub(super) fn problem(record: &RunRecord) -> Option<(String, String)> {
    let checks = &record.health.checks;
    let field = |name: &str| format!("health.checks.{name}");
    let told = record.delivery.guarantee != Guarantee::ExactlyOnce;
    if checks.skipped.is_some() != told {
        let text = "must be given, but for a trial of exactly once, where nobody can tell";
        return Some((field("skipped"), text.to_owned()));
    }
    let phases = record.phase_response.values();
    let samples = phases.fold(0u64, |sum, phase| sum.saturating_add(phase.count));
    let missing = record.delivery.observed.abs_diff(samples);
    (checks.unrecorded < missing).then(|| {
        let text = format!(
            "is {}, but for {} observed results the phases hold {samples} samples",
            checks.unrecorded, record.delivery.observed
        );
        (field("unrecorded"), text)
    })
}
