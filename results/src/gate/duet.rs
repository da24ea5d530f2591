//! The duet gate: is the candidate slower than the baseline by more than is tolerated?
//!
//! Pairs of short trials are held against the tolerance at stated numbers of pairs
//! ([`statistics::duet`]); undecided, more are asked for up to a budget. What the candidate alone
//! breaks of its objectives, or spoils, fails it too.

mod breaches;
mod spoiled;
mod words;

use serde::Serialize;

use crate::calibration::Calibration;
use crate::gate::{Against, GATE_SCHEMA, GateLine, GateResult, Mode, Pair, Role};
use crate::objectives::IndicatorName;
use crate::record::{Machine, Program};
use crate::statistics::duet::{Decision, Outcome, Rules, decide};
use crate::verdict::{Verdict, VerdictKind};
use spoiled::Spoiled;

/// What a duet is about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DuetSetting {
    /// The scenario's name.
    pub scenario: String,
    /// Its digest.
    pub digest: String,
    /// The strategy.
    pub strategy: String,
    /// What is tolerated, how surely, and after how many pairs.
    pub rules: Rules,
    /// Path of the baseline's program.
    pub baseline: String,
    /// Path of the candidate's program.
    pub candidate: String,
}

/// What a duet's verdict rests on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DuetEvidence {
    /// What it was about.
    #[serde(flatten)]
    pub setting: DuetSetting,
    /// The baseline's program, as its records say.
    pub baseline_program: Option<Program>,
    /// The candidate's program, as its records say.
    pub candidate_program: Option<Program>,
    /// The machine.
    pub machine: Option<Machine>,
    /// Pairs with a spoiled trial, which were left out.
    pub spoiled: usize,
    /// What the other pairs say.
    pub decision: Decision,
    /// Mean time of a pair, in seconds.
    pub seconds_per_pair: f64,
    /// Every pair, in order.
    pub pairs: Vec<Pair>,
}

/// Whether the pairs so far leave the question open.
pub fn duet_goes_on(pairs: &[Pair], rules: &Rules) -> bool {
    let decision = decide(&log_ratios(pairs), rules);
    decision.outcome == Outcome::Extend
        && !Spoiled::of(pairs).are_too_many()
        && !breaches::find(pairs).iter().any(|breach| breach.is_certain())
}

/// The verdict over the pairs of a duet; `seconds_per_pair` is how long one took, and
/// `calibration` what is known of this machine, for the warnings.
pub fn duet(
    setting: DuetSetting,
    pairs: Vec<Pair>,
    seconds_per_pair: f64,
    calibration: Option<&Calibration>,
) -> GateResult {
    let (rules, strategy) = (setting.rules, &setting.strategy);
    let decision = decide(&log_ratios(&pairs), &rules);
    let spoiled = Spoiled::of(&pairs);
    let mut lines = spoiled.lines(strategy, rules.alpha);
    lines.extend(breaches::find(&pairs).iter().map(|breach| breach.line(strategy, rules.alpha)));
    let p99 = p99_line(strategy, &decision, &rules);
    let verdict = verdict(&lines, &p99, &decision);
    lines.push(p99);
    let of = |role: Role| {
        pairs.iter().find_map(|pair| Some((pair.half(role).program.clone()?, pair.half(role))))
    };
    let (baseline, candidate) = (of(Role::Baseline), of(Role::Candidate));
    let machine = candidate.as_ref().and_then(|(_, half)| half.machine.clone());
    let evidence = DuetEvidence {
        baseline_program: baseline.map(|(program, _)| program),
        candidate_program: candidate.map(|(program, _)| program),
        machine,
        spoiled: spoiled.pairs,
        decision,
        seconds_per_pair,
        setting,
        pairs,
    };
    GateResult {
        schema: GATE_SCHEMA,
        mode: Mode::Duet,
        verdict,
        warnings: words::warnings(&evidence, spoiled.warning(), calibration),
        lines,
        duet: Some(Box::new(evidence)),
        history: None,
    }
}

/// The ratios of the pairs that count.
pub fn log_ratios(pairs: &[Pair]) -> Vec<f64> {
    pairs.iter().filter_map(Pair::log_ratio).collect()
}

fn p99_line(strategy: &str, decision: &Decision, rules: &Rules) -> GateLine {
    GateLine {
        strategy: strategy.to_owned(),
        indicator: IndicatorName::P99Response.to_string(),
        // What could not be told is not exceeded.
        against: match decision.outcome {
            Outcome::Pass | Outcome::Fail => Against::BaselineProgram,
            Outcome::Extend | Outcome::Inconclusive => Against::Validity,
        },
        value: decision.estimate,
        shown: words::figure(decision),
        bound: format!("<= {}", words::signed(rules.tolerance)),
        ok: decision.outcome == Outcome::Pass,
        sentence: words::sentence(decision, rules),
    }
}

fn verdict(lines: &[GateLine], p99: &GateLine, decision: &Decision) -> Verdict {
    let wrong = || lines.iter().filter(|line| !line.ok);
    let failed = |line: &&GateLine| line.against != Against::Validity;
    let valid = lines.first().is_some_and(|line| line.ok);
    let kind = match decision.outcome {
        _ if wrong().any(|line| failed(&line)) => VerdictKind::Fail,
        // What is left of mostly spoiled pairs proves nothing either way.
        _ if !valid => VerdictKind::Invalid,
        Outcome::Fail => VerdictKind::Fail,
        Outcome::Pass if wrong().next().is_none() => VerdictKind::Pass,
        Outcome::Pass | Outcome::Extend | Outcome::Inconclusive => VerdictKind::Inconclusive,
    };
    let all_wrong = wrong().chain(Some(p99).filter(|line| !line.ok));
    let said: Vec<&GateLine> = match kind {
        VerdictKind::Pass => vec![p99],
        VerdictKind::Fail => all_wrong.filter(failed).collect(),
        VerdictKind::Inconclusive | VerdictKind::Invalid => all_wrong.collect(),
    };
    Verdict { kind, reasons: said.into_iter().map(|line| line.sentence.clone()).collect() }
}

#[cfg(test)]
mod tests;
