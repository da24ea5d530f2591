//! The verdict over one trial: did it test what it claims, and did the system keep its bounds?

mod objective;
mod validity;

use serde::{Deserialize, Serialize};

use crate::objectives::Objectives;
use crate::record::{Delivery, FaultSpan, FaultState, Health, Indicators};
use crate::steadiness::Steadiness;

pub(crate) use objective::{Check, check_guarantee, check_objective};
pub(crate) use validity::whatever_the_baseline;

/// A verdict, with the sentences that it rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The verdict.
    pub kind: VerdictKind,
    /// Plain English sentences, each with what was measured and what is allowed. For a pass, they
    /// say what was kept.
    pub reasons: Vec<String>,
}

/// The kinds of verdict, from best to worst. A failure weighs more than an invalid trial, since
/// what one valid trial has shown stays shown whatever became of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerdictKind {
    /// Every bound was kept.
    Pass,
    /// Too noisy to say.
    Inconclusive,
    /// The trial did not test what it claims.
    Invalid,
    /// A bound was exceeded.
    Fail,
}

impl VerdictKind {
    /// The word for it, in lower case.
    pub fn word(self) -> &'static str {
        match self {
            VerdictKind::Pass => "pass",
            VerdictKind::Inconclusive => "inconclusive",
            VerdictKind::Invalid => "invalid",
            VerdictKind::Fail => "fail",
        }
    }
}

/// What a verdict over a trial rests on.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The faults.
    pub faults: &'a [FaultSpan],
    /// What became of every message.
    pub delivery: &'a Delivery,
    /// The figures.
    pub indicators: &'a Indicators,
    /// Whether there was a baseline.
    pub steadiness: &'a Steadiness,
    /// The harness's health.
    pub health: &'a Health,
}

impl Evidence<'_> {
    /// Whether any fault landed.
    pub(crate) fn has_landed_fault(&self) -> bool {
        self.faults.iter().any(|fault| fault.state == FaultState::Landed)
    }
}

/// How unwell the harness may be before a trial says nothing about the system.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthLimits {
    /// The largest share of planned messages that may be missed, 0 to 1.
    pub missed_sends_share_max: f64,
    /// The largest 99th percentile of the dispatch error, in microseconds.
    pub dispatch_error_p99_us_max: u64,
}

impl Default for HealthLimits {
    fn default() -> Self {
        HealthLimits { missed_sends_share_max: 0.01, dispatch_error_p99_us_max: 20_000 }
    }
}

/// Judges a trial. An invalid trial is never called failed: what it measured is not what it
/// claims. A valid one fails for each objective and each part of the delivery guarantee that was
/// not kept; otherwise it passes, and the reasons say what was kept.
pub fn judge(evidence: Evidence<'_>, objectives: &Objectives, limits: &HealthLimits) -> Verdict {
    let mut invalid = validity::reasons(evidence, limits);
    let mut failed = Vec::new();
    let mut kept = Vec::new();
    let mut sort = |check: Check| match check {
        Check::Kept(sentence) => kept.push(sentence),
        Check::Exceeded(sentence) => failed.push(sentence),
        Check::Unmeasured(sentence) => invalid.push(sentence),
    };
    check_guarantee(evidence.delivery).into_iter().for_each(|(_, _, check)| sort(check));
    for (indicator, bound) in objectives.iter() {
        sort(check_objective(indicator, bound, evidence));
    }
    if !invalid.is_empty() {
        return Verdict { kind: VerdictKind::Invalid, reasons: invalid };
    }
    if !failed.is_empty() {
        return Verdict { kind: VerdictKind::Fail, reasons: failed };
    }
    Verdict { kind: VerdictKind::Pass, reasons: kept }
}

#[cfg(test)]
mod tests;
