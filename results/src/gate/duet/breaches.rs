//! What the trials of a duet break of the delivery guarantee and the objectives.

use crate::gate::{Against, GateLine, Pair, Role};
use crate::report::format;

/// One indicator whose bound some trials broke.
pub(super) struct Breach {
    indicator: String,
    counts_messages: bool,
    /// What the first trial that broke it says, the candidate's if there is one.
    sentence: String,
    /// Trials of the candidate, and of the baseline, that broke it.
    candidate: usize,
    baseline: usize,
    /// Pairs that count.
    pairs: usize,
}

/// Every broken indicator, in the order in which they were first broken.
pub(super) fn find(pairs: &[Pair]) -> Vec<Breach> {
    let mut found: Vec<Breach> = Vec::new();
    let counted: Vec<&Pair> = pairs.iter().filter(|pair| pair.log_ratio().is_some()).collect();
    for role in [Role::Candidate, Role::Baseline] {
        for broken in counted.iter().flat_map(|pair| &pair.half(role).broken) {
            let known = found.iter().position(|known| known.indicator == broken.indicator);
            let index = known.unwrap_or_else(|| {
                found.push(Breach {
                    indicator: broken.indicator.clone(),
                    counts_messages: broken.counts_messages,
                    sentence: broken.sentence.clone(),
                    candidate: 0,
                    baseline: 0,
                    pairs: counted.len(),
                });
                found.len() - 1
            });
            match role {
                Role::Candidate => found[index].candidate += 1,
                Role::Baseline => found[index].baseline += 1,
            }
        }
    }
    found
}

impl Breach {
    /// Whether more pairs cannot make it undone: a single message that the candidate alone loses
    /// tells.
    pub(super) fn is_certain(&self) -> bool {
        self.counts_messages && self.candidate > 0 && self.baseline == 0
    }

    /// Whether the candidate fails for it. A time over its bound may be chance, so it takes most
    /// of the candidate's trials and not most of the baseline's.
    fn fails(&self) -> bool {
        let most = |trials: usize| trials * 2 > self.pairs;
        self.is_certain() || !self.counts_messages && most(self.candidate) && !most(self.baseline)
    }

    pub(super) fn line(&self, strategy: &str) -> GateLine {
        let ok = !self.fails();
        let (candidate, baseline, pairs) = (self.candidate, self.baseline, self.pairs);
        let times = format!("the candidate in {candidate} of {pairs} pairs");
        let sentence = if ok {
            let both = format!("{times}, the baseline in {baseline}");
            format!("{} (Warning: broken by {both}.)", self.sentence)
        } else {
            format!("{} It was broken by {times}, by the baseline in {baseline}.", self.sentence)
        };
        GateLine {
            strategy: strategy.to_owned(),
            indicator: self.indicator.clone(),
            against: if self.counts_messages { Against::Guarantee } else { Against::Bound },
            value: Some(candidate as f64),
            shown: format!("broken {} times", format::count(candidate as u64)),
            bound: "no more than the baseline".to_owned(),
            ok,
            sentence,
        }
    }
}
