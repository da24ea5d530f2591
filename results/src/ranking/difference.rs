//! The difference of two contestants, or the noise between them.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::objectives::IndicatorName;
use crate::ranking::estimate::{CONFIDENCE, logarithms};
use crate::ranking::{Contestant, RANKED};
use crate::report::format;
use crate::statistics::holm;

/// The least standard error of a logarithm that is taken for a spread.
pub(super) const ERROR_MIN: f64 = 1e-9;

/// Two contestants compared by one indicator.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// The indicator.
    pub indicator: IndicatorName,
    /// The one contestant's label.
    pub first: String,
    /// The other's.
    pub second: String,
    /// First over second, by geometric means.
    pub ratio: f64,
    /// The 95 % interval of the ratio.
    pub interval: (f64, f64),
    /// Whether it was compared seed by seed.
    pub paired: bool,
    /// The probability of so large a difference, or a larger one, by noise alone.
    pub p_value: f64,
    /// Whether it is real at 5 % over all comparisons of its scenario (Holm).
    pub real: bool,
    /// All of it in one sentence.
    pub sentence: String,
}

impl Difference {
    /// Whether it is between these two, in whichever order.
    pub(super) fn is_between(&self, one: &str, other: &str) -> bool {
        (self.first == one && self.second == other) || (self.first == other && self.second == one)
    }
}

/// Every comparison that the trials allow.
pub(super) fn all(contestants: &[Contestant]) -> Vec<Difference> {
    let mut found = Vec::new();
    for indicator in RANKED {
        for (index, first) in contestants.iter().enumerate() {
            let others = &contestants[index + 1..];
            found.extend(others.iter().filter_map(|second| compare(indicator, first, second)));
        }
    }
    let p_values: Vec<f64> = found.iter().map(|difference| difference.p_value).collect();
    let real = holm(&p_values, 1.0 - CONFIDENCE);
    for (difference, real) in found.iter_mut().zip(real) {
        difference.real = real;
        difference.sentence = sentence(difference);
    }
    found
}

/// How far apart two contestants are, as the difference of logarithms.
pub(super) struct Gap {
    /// The mean difference, the first less the second.
    pub(super) mean: f64,
    /// Its standard error.
    pub(super) error: f64,
    /// Its degrees of freedom.
    pub(super) freedom: f64,
    /// Whether it was taken seed by seed.
    pub(super) paired: bool,
}

impl Gap {
    /// `None` where the trials do not tell.
    pub(super) fn of(by: IndicatorName, first: &Contestant, second: &Contestant) -> Option<Gap> {
        let values = |contestant: &Contestant| logarithms(&contestant.estimates.get(&by)?.values);
        let (left, right) = (values(first)?, values(second)?);
        if first.seeds == second.seeds { pairwise(&left, &right) } else { welch(&left, &right) }
    }
}

fn compare(
    indicator: IndicatorName,
    first: &Contestant,
    second: &Contestant,
) -> Option<Difference> {
    let Gap { mean, error, freedom, paired } = Gap::of(indicator, first, second)?;
    // Repetitions that are all alike to the last digit were counted in steps, such as seconds; what
    // lies within a step is not known, so nothing is known of the chance.
    if error < ERROR_MIN {
        return None;
    }
    let law = StudentsT::new(0.0, 1.0, freedom).ok()?;
    let half = law.inverse_cdf((1.0 + CONFIDENCE) / 2.0) * error;
    let p_value = 2.0 * (1.0 - law.cdf((mean / error).abs()));
    let interval = ((mean - half).exp(), (mean + half).exp());
    (interval.0.is_finite() && interval.1.is_finite()).then(|| Difference {
        indicator,
        first: first.label.clone(),
        second: second.label.clone(),
        ratio: mean.exp(),
        interval,
        paired,
        p_value,
        real: false,
        sentence: String::new(),
    })
}

/// Seed by seed.
fn pairwise(left: &[f64], right: &[f64]) -> Option<Gap> {
    let differences: Vec<f64> = left.iter().zip(right).map(|(left, right)| left - right).collect();
    let (mean, variance) = moments(&differences)?;
    let n = differences.len() as f64;
    Some(Gap { mean, error: (variance / n).sqrt(), freedom: n - 1.0, paired: true })
}

/// Of independent trials, by Welch's approximation (Welch 1947).
fn welch(left: &[f64], right: &[f64]) -> Option<Gap> {
    let ((left_mean, left_variance), (right_mean, right_variance)) =
        (moments(left)?, moments(right)?);
    let (n, m) = (left.len() as f64, right.len() as f64);
    let (a, b) = (left_variance / n, right_variance / m);
    let freedom = (a + b).powi(2) / (a * a / (n - 1.0) + b * b / (m - 1.0));
    let freedom = if freedom.is_finite() { freedom } else { n + m - 2.0 };
    Some(Gap { mean: left_mean - right_mean, error: (a + b).sqrt(), freedom, paired: false })
}

/// Mean and variance of two values or more.
fn moments(values: &[f64]) -> Option<(f64, f64)> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (values.len() > 1).then_some((mean, variance))
}

fn sentence(difference: &Difference) -> String {
    let words = format::capitalized(difference.indicator.words());
    let (ratio, low, high) = (difference.ratio, difference.interval.0, difference.interval.1);
    let (first, second) = (&difference.first, &difference.second);
    let interval = format!("{ratio:.2} times that under {second} (95 %: {low:.2} to {high:.2})");
    if difference.real {
        format!("{words} under {first} was {interval}.")
    } else {
        format!("{words} under {first} was {interval}, which may be noise.")
    }
}
