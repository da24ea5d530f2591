//! A sequential decision over paired windows: has the candidate become slower than is tolerated?
//!
//! Candidate and baseline run in pairs of windows, in an order drawn at random for each pair. The
//! value of a pair is ln(candidate / baseline). At stated numbers of pairs the bounds of the
//! signed rank test are held against the tolerance; what is undecided goes on up to a budget.
//!
//! With the order drawn at random, a pair's difference is as likely to be for as against the
//! candidate when both are alike, whatever the machine does: correlated, drifting or bursty noise
//! changes how many pairs are needed, not the error rate.

use serde::{Deserialize, Serialize};

use super::correlation;
use super::normal;
use super::paired::{self, Bounds};
use super::power;
use super::spending::{self, Look};

/// Each look has so many times the pairs of the one before, roughly.
const GROWTH: f64 = 1.43;
/// Correlation of neighbouring pairs is taken for real at this one-sided error rate.
const CORRELATION_ALPHA: f64 = 0.01;
/// The power at which [`Decision::detectable`] would have been seen.
pub const POWER: f64 = 0.95;

/// What is decided, and how surely.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rules {
    /// The relative change that is still tolerated: 0.05 is 5 % slower.
    pub tolerance: f64,
    /// The probability, at most, of failing a candidate within the tolerance; of passing one
    /// beyond it, the same.
    pub alpha: f64,
    /// Pairs at the first look.
    pub pairs_min: usize,
    /// Pairs at the last look.
    pub pairs_max: usize,
}

impl Default for Rules {
    /// 5 % tolerated at an error rate of 1 %, after 9 to 60 pairs: fewer than 9 cannot reach what a
    /// first look may spend.
    fn default() -> Self {
        Rules { tolerance: 0.05, alpha: 0.01, pairs_min: 9, pairs_max: 60 }
    }
}

impl Rules {
    /// The numbers of pairs after which [`decide`] may decide, rising to `pairs_max`; none when
    /// the rules have no meaning.
    pub fn looks(&self) -> Vec<usize> {
        let meant = self.tolerance > -1.0
            && self.tolerance.is_finite()
            && self.alpha > 0.0
            && self.alpha < 0.5
            && self.pairs_min > 0
            && self.pairs_min <= self.pairs_max;
        if !meant {
            return Vec::new();
        }
        let ratio = self.pairs_max as f64 / self.pairs_min as f64;
        let steps = (ratio.ln() / GROWTH.ln()).round().max(1.0);
        let number =
            |step: f64| (self.pairs_min as f64 * ratio.powf(step / steps)).round() as usize;
        let mut looks: Vec<usize> = (0..=steps as u32).map(|step| number(step.into())).collect();
        looks.dedup();
        looks
    }
}

/// What the pairs say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The candidate is within the tolerance.
    Pass,
    /// The candidate is slower than is tolerated.
    Fail,
    /// More pairs are needed: go on to [`Decision::next_look`].
    Extend,
    /// The budget is used up, or the ratios or rules cannot be used.
    Inconclusive,
}

/// What the pairs say, with the evidence. Changes are relative: 0.1 is 10 % slower.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// What they say.
    pub outcome: Outcome,
    /// Pairs looked at.
    pub pairs: usize,
    /// The change by Hodges and Lehmann.
    pub estimate: Option<f64>,
    /// The lower bound of the change; absent when there are too few pairs for one.
    pub low: Option<f64>,
    /// The upper bound of the change; absent when there are too few pairs for one.
    pub high: Option<f64>,
    /// The error rate of each bound, after spending.
    pub level: f64,
    /// The smallest true change that would have failed with a probability of 95 % ([`POWER`])
    /// after so many pairs, at the noise seen in them.
    pub detectable: Option<f64>,
    /// The correlation of neighbouring pairs.
    pub lag1: Option<f64>,
    /// How many neighbouring pairs were averaged into one, because they were correlated; 1 is
    /// none.
    pub pooled: usize,
    /// The number of pairs at which the next decision is due.
    pub next_look: Option<usize>,
}

/// Looks at the pairs, in the order in which they were measured; each value is the natural
/// logarithm of candidate over baseline.
///
/// Decides only at the numbers of pairs in [`Rules::looks`]; between them it says
/// [`Outcome::Extend`], with an interval at the next look's level. Pairs beyond `pairs_max` are
/// not looked at. A look at which neighbouring pairs are correlated averages as many neighbours as are
/// worth one independent pair, and so needs more pairs to decide.
///
/// The caller stops at the first outcome other than [`Outcome::Extend`]; the error rate holds
/// for that.
pub fn decide(log_ratios: &[f64], rules: &Rules) -> Decision {
    let looks = spending::looks(&rules.looks(), rules.alpha);
    let ratios = &log_ratios[..log_ratios.len().min(rules.pairs_max)];
    let pairs = ratios.len();
    let mut decision = Decision {
        outcome: Outcome::Inconclusive,
        pairs,
        estimate: paired::hodges_lehmann(ratios).map(f64::exp_m1),
        low: None,
        high: None,
        level: 0.0,
        detectable: None,
        lag1: correlation::lag1(ratios),
        pooled: 1,
        next_look: looks.iter().map(|look| look.values).find(|values| *values > pairs),
    };
    let usable = ratios.iter().all(|ratio| ratio.is_finite());
    // The level of this look, or of the next when this is none.
    let Some(look) = looks.iter().find(|look| look.values >= pairs).filter(|_| usable) else {
        return Decision { next_look: None, ..decision };
    };
    decision.outcome = undecided(decision.next_look);
    let (pooled, bounds) = pooled_bounds(ratios, look);
    decision.pooled = pooled;
    let Some(bounds) = bounds else { return decision };
    decision.level = bounds.level;
    decision.low = Some(bounds.low.exp_m1());
    decision.high = Some(bounds.high.exp_m1());
    decision.detectable = detectable(&bounds, rules.tolerance);
    let tolerated = rules.tolerance.ln_1p();
    if look.values == pairs && bounds.low > tolerated {
        decision.outcome = Outcome::Fail;
    } else if look.values == pairs && bounds.high < tolerated {
        decision.outcome = Outcome::Pass;
    }
    if matches!(decision.outcome, Outcome::Pass | Outcome::Fail) {
        decision.next_look = None;
    }
    decision
}

fn undecided(next_look: Option<usize>) -> Outcome {
    if next_look.is_some() { Outcome::Extend } else { Outcome::Inconclusive }
}

/// The bounds from averages of as many neighbours as make one independent value, when neighbours
/// are correlated; and how many that were.
fn pooled_bounds(ratios: &[f64], look: &Look) -> (usize, Option<Bounds>) {
    if !correlated(ratios) {
        return (1, paired::bounds(ratios, look.level));
    }
    let worth = correlation::effective_samples(ratios);
    let pooled = ((ratios.len() as f64 / worth).ceil() as usize).max(2);
    // What is left over at the start is the oldest.
    let averages: Vec<f64> = ratios[ratios.len() % pooled..]
        .chunks_exact(pooled)
        .map(|neighbours| neighbours.iter().sum::<f64>() / pooled as f64)
        .collect();
    (pooled, paired::bounds(&averages, look.level))
}

/// Whether neighbours are alike by more than chance.
fn correlated(values: &[f64]) -> bool {
    let threshold = -normal::quantile(CORRELATION_ALPHA) / (values.len() as f64).sqrt();
    correlation::lag1(values).is_some_and(|lag1| lag1 > threshold)
}

fn detectable(bounds: &Bounds, tolerance: f64) -> Option<f64> {
    let standard_error = (bounds.high - bounds.low) / 2.0 / -normal::quantile(bounds.level);
    let distance = power::reach(bounds.level, POWER)? * standard_error;
    Some((tolerance.ln_1p() + distance).exp_m1())
}

#[cfg(test)]
mod tests;
