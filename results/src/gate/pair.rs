//! A pair of short trials, one by each program under the same load: the unit of a duet.

use serde::Serialize;

use crate::objectives::Objectives;
use crate::record::{Machine, Program, RunRecord};
use crate::verdict::{Check, HealthLimits, VerdictKind, check_guarantee, check_objective, judge};

/// One of the two programs of a duet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The program that is known to be good.
    Baseline,
    /// The program in question.
    Candidate,
}

impl Role {
    /// The word for it, in lower case.
    pub fn word(self) -> &'static str {
        match self {
            Role::Baseline => "baseline",
            Role::Candidate => "candidate",
        }
    }

    /// The other program.
    pub fn other(self) -> Role {
        match self {
            Role::Baseline => Role::Candidate,
            Role::Candidate => Role::Baseline,
        }
    }
}

/// What a trial of a duet must have run, for its figures to be compared.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Digest of the scenario.
    pub digest: &'a str,
    /// Fingerprint of the load.
    pub fingerprint: &'a str,
    /// The strategy.
    pub strategy: &'a str,
    /// The seed.
    pub seed: u64,
    /// The scenario's objectives.
    pub objectives: &'a Objectives,
    /// How unwell the harness may be.
    pub limits: &'a HealthLimits,
}

/// A part of the delivery guarantee, or an objective, that a trial broke.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The indicator.
    pub indicator: String,
    /// Whether the delivery guarantee forbids it, so that a single message tells.
    pub guarantee: bool,
    /// What was measured and what is allowed.
    pub sentence: String,
}

/// What one trial of a pair gave.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Half {
    /// 99th percentile of the response time after the warm-up, in milliseconds; absent when the
    /// trial is spoiled.
    pub p99_ms: Option<f64>,
    /// Why the trial has no p99.
    pub spoiled: Option<String>,
    /// What it broke, each with a sentence.
    pub broken: Vec<Broken>,
    /// The program that ran it, as its record says; absent when it left none.
    pub program: Option<Program>,
    /// The machine that it ran on.
    pub machine: Option<Machine>,
}

impl Half {
    /// A trial that left no record that can be read, with the reason.
    pub fn spoiled(reason: impl Into<String>) -> Half {
        Half {
            p99_ms: None,
            spoiled: Some(reason.into()),
            broken: Vec::new(),
            program: None,
            machine: None,
        }
    }

    /// Takes what a duet needs from a trial's record, if it is of the trial that was asked for
    /// and tested what it claims.
    pub fn of(record: &RunRecord, expected: &Expected<'_>) -> Half {
        let p99_ms = record.indicators.p99_ms.filter(|p99_ms| *p99_ms > 0.0);
        let invalid = foreign(record, expected).or_else(|| invalid(record, expected.limits));
        // A trial without any response has no p99, but has lost what it has not answered.
        let broken = match invalid {
            Some(_) => Vec::new(),
            None => broken(record, expected.objectives),
        };
        let silent = || p99_ms.is_none().then(|| "It has no response after its warm-up.".into());
        let spoiled = invalid.or_else(silent);
        Half {
            p99_ms: p99_ms.filter(|_| spoiled.is_none()),
            broken,
            spoiled,
            program: Some(record.program.clone()),
            machine: Some(record.machine.clone()),
        }
    }

    /// Whether it broke the bound of an indicator.
    pub(super) fn breaks(&self, indicator: &str) -> bool {
        self.broken.iter().any(|broken| broken.indicator == indicator)
    }

    /// Whether it tells what the program breaks.
    pub(super) fn tells(&self) -> bool {
        self.spoiled.is_none() || !self.broken.is_empty()
    }

    /// Whether the program died, hung, or left a record that cannot be read.
    pub(super) fn died(&self) -> bool {
        self.program.is_none()
    }
}

/// Why a record is of another trial than the one that was asked for.
fn foreign(record: &RunRecord, expected: &Expected<'_>) -> Option<String> {
    let found = |what: &str, found: &str, wanted: &str| {
        (found != wanted).then(|| format!("It ran {what} {found} instead of {wanted}."))
    };
    let seed = (record.seed.to_string(), expected.seed.to_string());
    found("the scenario of digest", &record.scenario.digest, expected.digest)
        .map(|sentence| format!("{sentence} The programs read the scenario differently."))
        .or_else(|| found("the load", &record.workload.fingerprint, expected.fingerprint))
        .or_else(|| found("the strategy", &record.strategy, expected.strategy))
        .or_else(|| found("the seed", &seed.0, &seed.1))
}

/// Why a trial did not test what it claims, by its own verdict or by ours.
fn invalid(record: &RunRecord, limits: &HealthLimits) -> Option<String> {
    let says_nothing = |kind| matches!(kind, VerdictKind::Invalid | VerdictKind::Inconclusive);
    let ours = judge(record.evidence(), &Objectives::new(), limits);
    [&record.verdict, &ours]
        .into_iter()
        .find(|verdict| says_nothing(verdict.kind))
        .map(|verdict| format!("It is {}. {}", verdict.kind.word(), verdict.reasons.join(" ")))
}

fn broken(record: &RunRecord, objectives: &Objectives) -> Vec<Broken> {
    let exceeded = |indicator: String, guarantee, check| match check {
        Check::Exceeded(sentence) => Some(Broken { indicator, guarantee, sentence }),
        Check::Kept(_) | Check::Unmeasured(_) => None,
    };
    let guarantee = check_guarantee(&record.delivery).into_iter();
    let guarantee = guarantee.filter_map(|(name, _, check)| exceeded(name.to_owned(), true, check));
    let bounds = objectives.iter().filter_map(|(indicator, bound)| {
        let check = check_objective(indicator, bound, record.evidence());
        exceeded(indicator.to_string(), false, check)
    });
    let mut broken: Vec<Broken> = guarantee.collect();
    for bound in bounds {
        if broken.iter().all(|known| known.indicator != bound.indicator) {
            broken.push(bound);
        }
    }
    broken
}

/// Two trials of one seed, one by each program.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// Its number, from 1.
    pub number: u32,
    /// The seed of both trials.
    pub seed: u64,
    /// Which program ran first.
    pub first: Role,
    /// The baseline's trial.
    pub baseline: Half,
    /// The candidate's trial.
    pub candidate: Half,
}

impl Pair {
    /// The half of a role.
    pub fn half(&self, role: Role) -> &Half {
        match role {
            Role::Baseline => &self.baseline,
            Role::Candidate => &self.candidate,
        }
    }

    /// ln(p99 of the candidate ÷ p99 of the baseline); absent when either trial is spoiled.
    pub fn log_ratio(&self) -> Option<f64> {
        Some((self.candidate.p99_ms? / self.baseline.p99_ms?).ln())
    }

    /// Why the pair has no ratio, naming the program.
    pub fn spoiled(&self) -> Option<String> {
        [Role::Baseline, Role::Candidate].into_iter().find_map(|role| {
            let reason = self.half(role).spoiled.as_ref()?;
            Some(format!("Pair {}, the {}'s trial: {reason}", self.number, role.word()))
        })
    }
}
