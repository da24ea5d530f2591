//! Pairs that are left out, for a trial of theirs has no p99.

use crate::gate::{Against, GateLine, Pair, Role};
use crate::report::format::counted;
use crate::report::format::percent;
use crate::statistics::sign_test;

/// So many spoiled pairs are let pass however few others there are.
const SPOILED_LET_PASS: usize = 4;

/// Why trials were spoiled, and whose.
pub(super) struct Spoiled {
    played: usize,
    /// Pairs with a spoiled trial.
    pub(super) pairs: usize,
    candidate: Count,
    baseline: Count,
    /// The last pair with a spoiled trial, and why.
    last: String,
}

/// The spoiled trials of one program.
struct Count {
    /// Those whose pair the other program did not spoil.
    alone: usize,
    /// Those without a record: the program died or hung.
    died: usize,
}

impl Count {
    fn of(pairs: &[Pair], role: Role) -> Count {
        let spoiled = |pair: &Pair, role: Role| pair.half(role).spoiled.is_some();
        let alone = |pair: &&Pair| spoiled(pair, role) && !spoiled(pair, role.other());
        Count {
            alone: pairs.iter().filter(alone).count(),
            died: pairs.iter().filter(|pair| pair.half(role).died()).count(),
        }
    }
}

impl Spoiled {
    pub(super) fn of(pairs: &[Pair]) -> Spoiled {
        Spoiled {
            played: pairs.len(),
            pairs: pairs.iter().filter(|pair| pair.log_ratio().is_none()).count(),
            candidate: Count::of(pairs, Role::Candidate),
            baseline: Count::of(pairs, Role::Baseline),
            last: pairs.iter().rev().find_map(Pair::spoiled).unwrap_or_default(),
        }
    }

    /// Trials that are spoiled as often as not are no accident, and what is left of them may be a
    /// choice that favours one program.
    pub(super) fn are_too_many(&self) -> bool {
        self.pairs > SPOILED_LET_PASS && self.pairs * 2 > self.played
    }

    /// What should be known of them when the verdict stands.
    pub(super) fn warning(&self) -> Option<String> {
        (self.pairs > 0).then(|| {
            format!(
                "{} of {} pairs were left out: the candidate alone spoiled {}, the baseline alone \
                 {}. The last: {}",
                self.pairs, self.played, self.candidate.alone, self.baseline.alone, self.last
            )
        })
    }

    /// A line on how many pairs count, and one on what the candidate spoils, if that tells.
    pub(super) fn lines(&self, strategy: &str, alpha: f64) -> Vec<GateLine> {
        let mut lines = vec![self.validity(strategy)];
        lines.extend(self.of_candidate(strategy, alpha));
        lines
    }

    fn validity(&self, strategy: &str) -> GateLine {
        let (counted, all) = (self.played - self.pairs, self.played);
        GateLine {
            strategy: strategy.to_owned(),
            indicator: "validity".to_owned(),
            against: Against::Validity,
            value: None,
            shown: format!("{counted} of {all}"),
            bound: "half of the pairs".to_owned(),
            ok: counted > 0 && !self.are_too_many(),
            sentence: match (counted, all) {
                (_, 0) => "No pair was played.".to_owned(),
                (counted, all) if counted == all => format!("All {all} pairs count."),
                _ => {
                    format!("{counted} of {all} pairs count. The last that does not: {}", self.last)
                }
            },
        }
    }

    /// The candidate fails for trials that it alone spoils more often than the toss of a coin
    /// explains. One that dies where the baseline does not is no pass, however rarely it does.
    fn of_candidate(&self, strategy: &str, alpha: f64) -> Option<GateLine> {
        let (candidate, baseline) = (&self.candidate, &self.baseline);
        let fails = sign_test(candidate.alone, baseline.alone) <= alpha;
        let (against, value, sentence) = if fails {
            let sentence = format!(
                "The candidate alone spoiled {} pairs, the baseline alone {}: more than chance \
                 explains (error rate at most {} %).",
                candidate.alone,
                baseline.alone,
                percent(alpha)
            );
            (Against::BaselineProgram, candidate.alone, sentence)
        } else if candidate.died > baseline.died {
            let sentence = format!(
                "The candidate left no record of {} of {}, the baseline of {}: too few to \
                 be told from chance, and too many for a pass.",
                candidate.died,
                counted(self.played, "trial"),
                baseline.died
            );
            (Against::Validity, candidate.died, sentence)
        } else {
            return None;
        };
        Some(GateLine {
            strategy: strategy.to_owned(),
            indicator: "spoiled".to_owned(),
            against,
            value: Some(value as f64),
            shown: counted(value, "trial"),
            bound: "no more than the baseline".to_owned(),
            ok: false,
            sentence: format!("{sentence} The last: {}", self.last),
        })
    }
}
