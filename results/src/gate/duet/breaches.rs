//! What the trials of a duet break of the delivery guarantee and the objectives.

use crate::gate::{Against, Broken, GateLine, Pair, Role};
use crate::report::format::counted;
use crate::statistics::sign_test;

/// One indicator whose bound some trials broke.
pub(super) struct Breach {
    /// What the first trial that broke it says, the candidate's if there is one.
    first: Broken,
    candidate: Count,
    baseline: Count,
}

/// What the trials of one program did, each counted whatever became of the other of its pair.
struct Count {
    /// Trials that broke the bound.
    broke: usize,
    /// Trials that tell whether they did.
    told: usize,
    /// Those that broke it while the other of the pair told that it did not.
    alone: usize,
}

/// Every broken indicator, in the order in which they were first broken.
pub(super) fn find(pairs: &[Pair]) -> Vec<Breach> {
    let broken = |role: Role| pairs.iter().flat_map(move |pair| &pair.half(role).broken);
    let mut found: Vec<Breach> = Vec::new();
    for first in broken(Role::Candidate).chain(broken(Role::Baseline)) {
        if found.iter().all(|known| known.first.indicator != first.indicator) {
            let count = |role| Count::of(pairs, role, &first.indicator);
            let (candidate, baseline) = (count(Role::Candidate), count(Role::Baseline));
            found.push(Breach { first: first.clone(), candidate, baseline });
        }
    }
    found
}

impl Count {
    fn of(pairs: &[Pair], role: Role, indicator: &str) -> Count {
        let broke = |pair: &Pair, role: Role| pair.half(role).breaks(indicator);
        let count = |holds: &dyn Fn(&Pair) -> bool| pairs.iter().filter(|pair| holds(pair)).count();
        Count {
            broke: count(&|pair| broke(pair, role)),
            told: count(&|pair| pair.half(role).tells()),
            alone: count(&|pair| {
                let other = role.other();
                broke(pair, role) && pair.half(other).tells() && !broke(pair, other)
            }),
        }
    }
}

impl Breach {
    /// Whether more pairs cannot make it undone: a single message that the guarantee forbids, and
    /// that the candidate alone is guilty of, tells.
    pub(super) fn is_certain(&self) -> bool {
        self.first.guarantee && self.candidate.broke > 0 && self.baseline.broke == 0
    }

    /// Whether the candidate fails for it: it is certain, or breaks the bound alone in more pairs
    /// than the toss of a coin explains.
    fn fails(&self, alpha: f64) -> bool {
        self.is_certain() || sign_test(self.candidate.alone, self.baseline.alone) <= alpha
    }

    pub(super) fn line(&self, strategy: &str, alpha: f64) -> GateLine {
        let ok = !self.fails(alpha);
        let (candidate, baseline) = (&self.candidate, &self.baseline);
        let times = format!(
            "broken in {} of {} of the candidate and {} of {} of the baseline",
            candidate.broke,
            counted(candidate.told, "trial"),
            baseline.broke,
            baseline.told
        );
        let sentence = &self.first.sentence;
        GateLine {
            strategy: strategy.to_owned(),
            indicator: self.first.indicator.clone(),
            against: if self.first.guarantee { Against::Guarantee } else { Against::Bound },
            value: Some(candidate.broke as f64),
            shown: format!("broken {}", counted(candidate.broke, "time")),
            bound: "no more than the baseline".to_owned(),
            ok,
            sentence: if ok {
                format!("{sentence} (Warning: it was {times}.)")
            } else {
                format!("{sentence} It was {times}.")
            },
        }
    }
}
