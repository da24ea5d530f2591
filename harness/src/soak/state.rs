//! How far a soak has come.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The version of the state that is written, and the only one that is read.
pub const SOAK_SCHEMA: &str = "stormgauge.dev/soak/v1";

/// A soak so far. The next round follows from it alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Soak {
    /// The version of this format, [`SOAK_SCHEMA`].
    pub schema: String,
    /// The scenario's digest.
    pub digest: String,
    /// How much breaks, 0 to 1.
    pub intensity: f64,
    /// The seed of the first round; each further round adds one.
    pub first_seed: u64,
    /// The seed of the next round.
    pub next_seed: u64,
    /// Time that the rounds took, in seconds.
    pub spent_s: f64,
    /// Rounds in which nothing was wrong.
    pub kept: u32,
    /// Rounds that failed.
    pub failed: u32,
    /// Rounds of which nothing can be said, and such that could not be run.
    pub unclear: u32,
    /// The seeds of the rounds that failed, each with its reasons.
    pub failures: Vec<FailedRound>,
}

/// A round that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailedRound {
    /// Its seed, after which its folder is named.
    pub seed: u64,
    /// Why, in sentences.
    pub reason: String,
}

/// What came of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing was wrong.
    Kept,
    /// A message came out wrong, or the system did not recover.
    Failed,
    /// Nothing can be said.
    Unclear,
    /// It could not be run.
    NotRun,
}

impl Outcome {
    /// The word for it in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Failed => "FAILED",
            Self::Unclear => "unclear",
            Self::NotRun => "not run",
        }
    }
}

/// A round as it was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// What came of it.
    pub outcome: Outcome,
    /// The strategy that was tried.
    pub strategy: String,
    /// Faults that were drawn.
    pub faults: usize,
    /// Those of them that landed.
    pub landed: usize,
    /// Why, unless nothing was wrong.
    pub reason: String,
}

impl Judged {
    /// A round that could not be run.
    pub fn not_run(strategy: &str, reason: &str) -> Self {
        let (strategy, reason) = (strategy.to_owned(), reason.to_owned());
        Self { outcome: Outcome::NotRun, strategy, faults: 0, landed: 0, reason }
    }
}

/// A round as `rounds.csv` has it.
#[derive(Debug, Clone, PartialEq)]
pub struct RoundRow {
    /// Its seed.
    pub seed: u64,
    /// The strategy that was tried.
    pub strategy: String,
    /// What came of it.
    pub outcome: Outcome,
    /// Faults that were drawn.
    pub faults: usize,
    /// Those of them that landed.
    pub landed: usize,
    /// How long it took, shrinking included, in seconds.
    pub took_s: f64,
    /// Why, unless nothing was wrong.
    pub reason: String,
}

impl RoundRow {
    /// The headings of the file.
    pub const HEADINGS: &str = "seed,strategy,outcome,faults,landed,took_s\n";

    /// The row.
    pub fn csv(&self) -> String {
        let Self { seed, strategy, outcome, faults, landed, took_s, .. } = self;
        let outcome = outcome.word().to_lowercase();
        format!("{seed},{strategy},{outcome},{faults},{landed},{took_s:.1}\n")
    }
}

impl Soak {
    /// Before the first round.
    pub fn new(digest: &str, intensity: f64, seed: u64) -> Self {
        Self {
            schema: SOAK_SCHEMA.to_owned(),
            digest: digest.to_owned(),
            intensity,
            first_seed: seed,
            next_seed: seed,
            spent_s: 0.0,
            kept: 0,
            failed: 0,
            unclear: 0,
            failures: Vec::new(),
        }
    }

    /// Rounds so far.
    pub fn rounds(&self) -> u64 {
        self.next_seed.wrapping_sub(self.first_seed)
    }

    /// Time that the rounds took.
    pub fn spent(&self) -> Duration {
        Duration::try_from_secs_f64(self.spent_s).unwrap_or_default()
    }

    /// Adds the round of the next seed.
    pub fn add(&mut self, judged: Judged, took: Duration) -> RoundRow {
        let Judged { outcome, strategy, faults, landed, reason } = judged;
        let (seed, took_s) = (self.next_seed, took.as_secs_f64());
        match outcome {
            Outcome::Kept => self.kept += 1,
            Outcome::Failed => {
                self.failed += 1;
                self.failures.push(FailedRound { seed, reason: reason.clone() });
            }
            Outcome::Unclear | Outcome::NotRun => self.unclear += 1,
        }
        self.next_seed = self.next_seed.wrapping_add(1);
        self.spent_s += took_s;
        RoundRow { seed, strategy, outcome, faults, landed, took_s, reason }
    }

    /// The seeds of earlier rounds whose folders go, when this many of the last stay: all others
    /// but those that failed. Only the one that has just fallen out of the last can still be there.
    pub fn leaves(&self, stay: u64) -> Option<u64> {
        let seed = self.next_seed.wrapping_sub(stay + 1);
        let is_round = self.rounds() > stay;
        let failed = self.failures.iter().any(|failure| failure.seed == seed);
        (is_round && !failed).then_some(seed)
    }

    /// Why this is not the state of a soak of that scenario, if it is not.
    pub fn misfit(&self, digest: &str, intensity: f64, seed: u64) -> Option<String> {
        if self.schema != SOAK_SCHEMA {
            return Some(format!("schema {:?}; allowed: {SOAK_SCHEMA:?}", self.schema));
        }
        if self.digest != digest {
            return Some("it is the soak of another scenario".to_owned());
        }
        if self.intensity.to_bits() != intensity.to_bits() || self.first_seed != seed {
            return Some(format!(
                "it is a soak with --seed {} --intensity {}",
                self.first_seed, self.intensity
            ));
        }
        let counted = u64::from(self.kept) + u64::from(self.failed) + u64::from(self.unclear);
        let is_sound = counted == self.rounds()
            && self.failures.len() == self.failed as usize
            && Duration::try_from_secs_f64(self.spent_s).is_ok();
        (!is_sound).then(|| "its numbers contradict each other".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(outcome: Outcome) -> Judged {
        Judged { outcome, ..Judged::not_run("low_latency", "it is so") }
    }

    fn soaked(outcomes: &[Outcome]) -> Soak {
        let mut soak = Soak::new("aa", 0.5, 7);
        for outcome in outcomes {
            soak.add(judged(*outcome), Duration::from_secs(2));
        }
        soak
    }

    #[test]
    fn rounds_are_counted_and_failures_remembered() {
        let soak = soaked(&[Outcome::Kept, Outcome::Failed, Outcome::Unclear, Outcome::NotRun]);
        assert_eq!((soak.kept, soak.failed, soak.unclear, soak.rounds()), (1, 1, 2, 4));
        assert_eq!((soak.failures[0].seed, soak.spent().as_secs()), (8, 8));
        let text = serde_json::to_string(&soak).unwrap();
        assert_eq!(serde_json::from_str::<Soak>(&text).unwrap(), soak);
        assert_eq!(soak.misfit("aa", 0.5, 7), None);
    }

    #[test]
    fn folders_go_one_by_one_but_failures_stay() {
        let mut soak = soaked(&[]);
        let mut gone = Vec::new();
        for round in 0..10 {
            let outcome = if round == 2 { Outcome::Failed } else { Outcome::Kept };
            soak.add(judged(outcome), Duration::ZERO);
            gone.extend(soak.leaves(3));
        }
        assert_eq!(gone, [7, 8, 10, 11, 12, 13]);
    }

    #[test]
    fn what_is_not_its_state_is_refused() {
        let soak = soaked(&[Outcome::Kept]);
        assert!(soak.misfit("bb", 0.5, 7).unwrap().contains("another scenario"));
        assert!(soak.misfit("aa", 0.6, 7).unwrap().contains("--intensity 0.5"));
        assert!(soak.misfit("aa", 0.5, 8).unwrap().contains("--seed 7"));
        let broken = |change: fn(&mut Soak)| {
            let mut soak = soak.clone();
            change(&mut soak);
            soak.misfit("aa", 0.5, 7)
        };
        assert!(broken(|soak| soak.kept = 3).unwrap().contains("contradict"));
        assert!(broken(|soak| soak.spent_s = f64::NAN).unwrap().contains("contradict"));
        assert!(broken(|soak| soak.schema.clear()).unwrap().contains("schema"));
    }
}
