//! Quantiles of few samples, as weighted sums of all sorted samples.

use statrs::function::beta::beta_reg;

/// The `p` quantile by Harrell and Davis: each sorted sample weighs as much as the Beta(a, b)
/// distribution with a = p(n+1), b = (1−p)(n+1) gives to its place. Smoother than one order
/// statistic, and as open to outliers as the samples near the quantile are. `None` without
/// samples, when one is not finite, or p is not between 0 and 1.
///
/// Source: Harrell and Davis, "A new distribution-free quantile estimator", 1982.
pub fn quantile(samples: &[f64], p: f64) -> Option<f64> {
    let sorted = sorted(samples, p)?;
    let (a, b) = shape(sorted.len(), p);
    Some(weighted(&sorted, |x| beta_reg(a, b, x)))
}

/// As [`quantile`], with weights only where the Beta distribution is densest, over a width of
/// 1/√n: on heavy tails, outliers away from the quantile do not move it.
///
/// Source: Akinshin, "Trimmed Harrell-Davis quantile estimator based on the highest density
/// interval of the given width", arXiv 2111.11776.
pub fn trimmed_quantile(samples: &[f64], p: f64) -> Option<f64> {
    let sorted = sorted(samples, p)?;
    let (a, b) = shape(sorted.len(), p);
    let width = (sorted.len() as f64).sqrt().recip();
    let (from, to) = densest(a, b, width);
    let (below, above) = (beta_reg(a, b, from), beta_reg(a, b, to));
    let share = |x: f64| (beta_reg(a, b, x.clamp(from, to)) - below) / (above - below);
    Some(weighted(&sorted, share))
}

fn sorted(samples: &[f64], p: f64) -> Option<Vec<f64>> {
    let meant = !samples.is_empty() && p > 0.0 && p < 1.0;
    (meant && samples.iter().all(|sample| sample.is_finite())).then(|| {
        let mut sorted = samples.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted
    })
}

fn shape(n: usize, p: f64) -> (f64, f64) {
    let n = n as f64 + 1.0;
    (p * n, (1.0 - p) * n)
}

/// Sums the samples, the i-th weighing what `share` gains from i/n to (i+1)/n.
fn weighted(sorted: &[f64], share: impl Fn(f64) -> f64) -> f64 {
    let n = sorted.len() as f64;
    let (mut sum, mut before) = (0.0, 0.0);
    for (index, sample) in sorted.iter().enumerate() {
        let up_to = if index + 1 == sorted.len() { 1.0 } else { share((index + 1) as f64 / n) };
        sum += (up_to - before) * sample;
        before = up_to;
    }
    sum
}

/// The interval of the given width in which Beta(a, b) has most of its weight.
fn densest(a: f64, b: f64, width: f64) -> (f64, f64) {
    if width >= 1.0 {
        return (0.0, 1.0);
    }
    if a <= 1.0 && b <= 1.0 {
        return (0.5 - width / 2.0, 0.5 + width / 2.0);
    }
    if a <= 1.0 {
        return (0.0, width);
    }
    if b <= 1.0 {
        return (1.0 - width, 1.0);
    }
    let mode = (a - 1.0) / (a + b - 2.0);
    // Logarithms: at many samples the density itself vanishes away from the mode.
    let log_density = |x: f64| (a - 1.0) * x.ln() + (b - 1.0) * (-x).ln_1p();
    // The density is as high at both ends; left of that place it is lower at the left end.
    let (mut low, mut high) = ((mode - width).max(0.0), mode.min(1.0 - width));
    for _ in 0..100 {
        let middle = low + (high - low) / 2.0;
        if log_density(middle) < log_density(middle + width) {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low, low + width)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn weights_worked_by_hand() {
        // The median of three has a = b = 2: the distribution is 3x² − 2x³, which is 7/27 at 1/3,
        // so the weights are 7/27, 13/27 and 7/27.
        let median = quantile(&[9.0, 0.0, 3.0], 0.5).unwrap();
        assert!((median - (13.0 * 3.0 + 7.0 * 9.0) / 27.0).abs() < 1e-12, "{median}");
        assert_eq!(quantile(&[4.0], 0.99), Some(4.0));
        assert_eq!(trimmed_quantile(&[4.0], 0.99), Some(4.0));
    }

    #[test]
    fn trimmed_weights_worked_by_hand() {
        // Of three with width w = 1/√3 about 1/2, the distribution is cut to
        // (3x² − 2x³ − c) / (1 − 2c), where c is its value at (1 − w)/2.
        let from = (1.0 - 3f64.sqrt().recip()) / 2.0;
        let law = |x: f64| 3.0 * x * x - 2.0 * x * x * x;
        let side = (law(1.0 / 3.0) - law(from)) / (1.0 - 2.0 * law(from));
        let expected = (1.0 - 2.0 * side) * 3.0 + side * 9.0;
        let median = trimmed_quantile(&[9.0, 0.0, 3.0], 0.5).unwrap();
        assert!((median - expected).abs() < 1e-9, "{median} {expected}");
    }

    #[test]
    fn an_outlier_moves_the_plain_form_and_not_the_trimmed() {
        let mut samples: Vec<f64> = (1..=20).map(f64::from).collect();
        let before = (quantile(&samples, 0.5).unwrap(), trimmed_quantile(&samples, 0.5).unwrap());
        samples[19] = 1e9;
        assert!(quantile(&samples, 0.5).unwrap() - before.0 > 1e-3);
        assert_eq!(trimmed_quantile(&samples, 0.5).unwrap(), before.1);
    }

    #[test]
    fn what_has_no_quantile_is_absent() {
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[1.0, f64::NAN], 0.5), None);
        assert_eq!(trimmed_quantile(&[1.0], 1.0), None);
        assert_eq!(trimmed_quantile(&[1.0], f64::NAN), None);
    }

    proptest! {
        #[test]
        fn estimates_lie_among_the_samples_and_grow_with_p(
            samples in prop::collection::vec(-1e6f64..1e6, 1..60),
            p in 0.02f64..0.9,
        ) {
            let least = samples.iter().copied().fold(f64::INFINITY, f64::min);
            let most = samples.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            for estimate in [quantile, trimmed_quantile] {
                let (low, high) = (estimate(&samples, p).unwrap(), estimate(&samples, p + 0.08).unwrap());
                prop_assert!(least - 1e-3 <= low && low <= high + 1e-3 && high <= most + 1e-3);
            }
        }
    }
}
