//! The gate: is it good enough, and did it get worse?
//!
//! There are three ways to ask, with one kind of answer: [`gate()`] holds a run against bounds and
//! a baseline, [`duet()`] two programs against each other, and [`history()`] a run against those
//! before it.
//!
//! Bounds hold in every trial: the worst trial is compared. A baseline is compared by medians
//! over the trials, with a relative tolerance. Trials that tested nothing are left out, and make
//! the gate invalid unless a valid trial failed.

mod against_baseline;
mod bounds;
mod duet;
mod history;
mod pair;

use serde::Serialize;

use crate::baseline::{Baseline, BaselineError};
use crate::comparison::{Comparison, ComparisonError, groups};
use crate::objectives::Objectives;
use crate::record::RunRecord;
use crate::report::format::counted;
use crate::verdict::{HealthLimits, Verdict, VerdictKind, judge};

pub use duet::{DuetEvidence, DuetSetting, duet, duet_goes_on, log_ratios};
pub use history::{Change, HISTORY_RUNS_MIN, HistoryEvidence, HistoryRules, history};
pub use pair::{Broken, Expected, Half, Pair, Role};

/// The version of the gate's result that is written as JSON.
pub const GATE_SCHEMA: &str = "stormgauge.dev/gate/v1";

/// What stands for the indicator in the line that says whether the trials are valid.
const VALIDITY: &str = "validity";

/// What the gate found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GateResult {
    /// The version of this format, [`GATE_SCHEMA`].
    pub schema: &'static str,
    /// What was asked.
    pub mode: Mode,
    /// The verdict, with the sentences of the lines that are not in order.
    pub verdict: Verdict,
    /// What should be known beside the verdict, a sentence each.
    pub warnings: Vec<String>,
    /// Everything that was compared.
    pub lines: Vec<GateLine>,
    /// What a duet's verdict rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duet: Option<Box<DuetEvidence>>,
    /// What a verdict over a history rests on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<HistoryEvidence>,
}

/// What the gate was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Is a run within its bounds, and no worse than a baseline?
    Bounds,
    /// Is one program slower than another?
    Duet,
    /// Is a run worse than those before it?
    History,
}

impl Mode {
    /// The word for it in titles.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Bounds => "gate",
            Mode::Duet => "duet",
            Mode::History => "history",
        }
    }
}

/// One comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GateLine {
    /// The strategy.
    pub strategy: String,
    /// The indicator, or `validity`.
    pub indicator: String,
    /// What it was compared with.
    pub against: Against,
    /// What was measured, in the indicator's unit.
    pub value: Option<f64>,
    /// What was measured, for people.
    pub shown: String,
    /// What is allowed, for people.
    pub bound: String,
    /// Whether it is in order.
    pub ok: bool,
    /// All of it in one sentence.
    pub sentence: String,
}

/// What a line of the gate compares with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Against {
    /// Whether the trials tested what they claim.
    Validity,
    /// The delivery guarantee.
    Guarantee,
    /// An objective.
    Bound,
    /// The baseline.
    Baseline,
    /// The program that is known to be good.
    BaselineProgram,
    /// The runs before.
    History,
}

impl Against {
    /// The word for it in tables.
    pub fn word(self) -> &'static str {
        match self {
            Against::Validity => "validity",
            Against::Guarantee => "guarantee",
            Against::Bound => "bound",
            Against::Baseline => "baseline",
            Against::BaselineProgram => "baseline program",
            Against::History => "history",
        }
    }
}

/// Why the gate could not compare.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// The records do not belong together.
    #[error(transparent)]
    Records(#[from] ComparisonError),
    /// The records are of several scenarios.
    #[error("records of scenarios {0}: the gate takes one scenario at a time")]
    Scenarios(String),
    /// The baseline does not fit the records.
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    /// The tolerance is no share.
    #[error("tolerance is {0}, but must be finite and not negative, such as 0.1 for 10 %")]
    Tolerance(f64),
}

/// Compares the records of one scenario with objectives and, where given, a baseline, whose p99,
/// recovery and cost may be exceeded by the share `tolerance` (0.1 is 10 %). The verdicts in the
/// records are not used: every trial is judged again.
///
/// # Errors
/// When there are no records, they are of several scenarios, or the baseline is of another
/// scenario or lacks a strategy.
pub fn gate(
    records: &[RunRecord],
    objectives: &Objectives,
    baseline: Option<&Baseline>,
    tolerance: f64,
    limits: &HealthLimits,
) -> Result<GateResult, GateError> {
    let comparison = Comparison::from_records(records)?;
    if comparison.has_scenarios() {
        return Err(GateError::Scenarios(comparison.scenarios().join(", ")));
    }
    if !tolerance.is_finite() || tolerance < 0.0 {
        return Err(GateError::Tolerance(tolerance));
    }
    if let Some(baseline) = baseline {
        baseline.check_against(records)?;
    }
    let mut lines = Vec::new();
    for trials in groups(records) {
        let (valid, validity) = validity(&trials, limits);
        lines.push(validity);
        if valid.is_empty() {
            continue;
        }
        lines.extend(bounds::guarantee_lines(&valid));
        lines.extend(bounds::objective_lines(&valid, objectives));
        if let Some(baseline) = baseline {
            lines.extend(against_baseline::lines(&valid, baseline, tolerance));
        }
    }
    Ok(GateResult {
        schema: GATE_SCHEMA,
        mode: Mode::Bounds,
        verdict: verdict(&lines),
        warnings: Vec::new(),
        lines,
        duet: None,
        history: None,
    })
}

/// The valid trials of a strategy, and the line that says whether all are.
fn validity<'a>(trials: &[&'a RunRecord], limits: &HealthLimits) -> (Vec<&'a RunRecord>, GateLine) {
    let mut valid = Vec::new();
    let mut reasons = Vec::new();
    for trial in trials {
        // Without objectives, only what makes a trial say nothing makes it invalid.
        let verdict = judge(trial.evidence(), &Objectives::new(), limits);
        if verdict.kind == VerdictKind::Invalid {
            reasons.push(format!("Repetition {}: {}", trial.repetition, verdict.reasons.join(" ")));
        } else {
            valid.push(*trial);
        }
    }
    let ok = reasons.is_empty();
    let shown = format!("{} of {}", valid.len(), trials.len());
    let sentence = if ok {
        match trials.len() {
            1 => "Its trial tested what it claims.".to_owned(),
            many => format!("All {many} trials tested what they claim."),
        }
    } else {
        {
            let all = counted(trials.len(), "trial");
            format!("Only {} of {all} tested what they claim. {}", valid.len(), reasons.join(" "))
        }
    };
    let line = GateLine {
        strategy: trials[0].strategy.clone(),
        indicator: VALIDITY.to_owned(),
        against: Against::Validity,
        value: None,
        shown,
        bound: "all trials valid".to_owned(),
        ok,
        sentence,
    };
    (valid, line)
}

fn verdict(lines: &[GateLine]) -> Verdict {
    let wrong = || lines.iter().filter(|line| !line.ok);
    let kind = if wrong().any(|line| line.against != Against::Validity) {
        VerdictKind::Fail
    } else if wrong().next().is_some() {
        VerdictKind::Invalid
    } else {
        VerdictKind::Pass
    };
    let reasons = match kind {
        VerdictKind::Pass => vec![format!("All {} comparisons are in order.", lines.len())],
        _ => wrong().map(|line| format!("{}: {}", line.strategy, line.sentence)).collect(),
    };
    Verdict { kind, reasons }
}

#[cfg(test)]
mod tests;
