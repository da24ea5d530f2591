//! An interval for a share that was counted.

use statrs::function::beta::beta_reg;

/// The interval for a share when `count` of `trials` independent trials had it, two-sided, with
/// at least the given confidence; `None` without trials, or when the confidence is not between 0
/// and 1 or the count exceeds the trials. Its upper bound alone holds with half the error.
///
/// Source: Clopper and Pearson, "The use of confidence or fiducial limits illustrated in the case
/// of the binomial", 1934.
pub fn share_interval(count: u64, trials: u64, confidence: f64) -> Option<(f64, f64)> {
    if trials == 0 || count > trials || !(confidence > 0.0 && confidence < 1.0) {
        return None;
    }
    let tail = (1.0 - confidence) / 2.0;
    let (seen, unseen) = (count as f64, (trials - count) as f64);
    // The share at which so many or more, so few or fewer, have just the probability of a tail.
    let low = if count == 0 { 0.0 } else { inverse(seen, unseen + 1.0, tail) };
    let high = if count == trials { 1.0 } else { inverse(seen + 1.0, unseen, 1.0 - tail) };
    Some((low, high))
}

/// Where the distribution Beta(a, b) reaches `probability`, by halving.
fn inverse(a: f64, b: f64, probability: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if beta_reg(a, b, middle) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_agree_with_published_values() {
        // scipy.stats.binomtest(10, 1000).proportion_ci(0.90, method="exact")
        let (low, high) = share_interval(10, 1_000, 0.9).unwrap();
        assert!(
            (low - 0.005_435_140_1).abs() < 1e-9 && (high - 0.016_903_175_1).abs() < 1e-9,
            "{low} {high}"
        );
        // None of n: 1 - 0.05^(1/n), the rule of three.
        let (low, high) = share_interval(0, 300, 0.9).unwrap();
        assert!(low == 0.0 && (high - (1.0 - 0.05f64.powf(1.0 / 300.0))).abs() < 1e-9);
        assert_eq!(share_interval(7, 7, 0.9).unwrap().1, 1.0);
    }

    #[test]
    fn what_has_no_share_is_absent() {
        assert_eq!(share_interval(0, 0, 0.9), None);
        assert_eq!(share_interval(2, 1, 0.9), None);
        assert_eq!(share_interval(1, 2, 1.0), None);
    }
}
