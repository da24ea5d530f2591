//! Intervals for quantiles from the ranks of samples: nothing is assumed of the distribution.

/// The ranks (1 is the smallest sample) between which the `p` quantile of the distribution lies
/// with the given confidence, from `n` independent samples:
/// l = Q_Bin(α/2; n, p), u = Q_Bin(1−α/2; n, p) + 1. A side is `None` where no sample bounds it:
/// l = 0, or u > n.
///
/// Source: order statistics, for example David and Nagaraja, "Order Statistics", section 7.1.
pub fn quantile_ranks(n: u64, p: f64, confidence: f64) -> (Option<u64>, Option<u64>) {
    if n == 0 || !(p > 0.0 && p < 1.0) || !(confidence > 0.0 && confidence < 1.0) {
        return (None, None);
    }
    let alpha = 1.0 - confidence;
    let (low, high) = binomial_quantiles(n, p, alpha / 2.0);
    ((low > 0).then_some(low), (high < n).then_some(high + 1))
}

/// The `tail` and the `1 − tail` quantile of the binomial distribution of `n` trials with
/// probability `p`, by summing weights outwards from the mode until they vanish. Only ratios of
/// neighbouring weights are used, so nothing over- or underflows and no gamma function is needed;
/// the work grows with √n.
fn binomial_quantiles(n: u64, p: f64, tail: f64) -> (u64, u64) {
    const VANISHING: f64 = 1e-20;
    let odds = p / (1.0 - p);
    let mode = (((n as f64) + 1.0) * p).floor().min(n as f64) as u64;
    // Weights below the mode, from the mode downwards, and above it, upwards; the mode weighs 1.
    let below = std::iter::successors(Some((mode, 1.0f64)), |&(k, weight)| {
        let k_below = k.checked_sub(1)?;
        let weight = weight * k as f64 / ((n - k_below) as f64 * odds);
        (weight > VANISHING).then_some((k_below, weight))
    });
    let above = std::iter::successors(Some((mode, 1.0f64)), |&(k, weight)| {
        let weight = weight * (n - k) as f64 * odds / (k + 1) as f64;
        (weight > VANISHING).then_some((k + 1, weight))
    });
    let mut weights: Vec<(u64, f64)> = below.collect();
    weights.reverse();
    weights.extend(above.skip(1));
    let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
    let mut sum = 0.0;
    let (mut low, mut high) = (None, None);
    for (k, weight) in weights {
        sum += weight / total;
        if sum >= tail {
            low.get_or_insert(k);
        }
        if sum >= 1.0 - tail {
            high.get_or_insert(k);
        }
    }
    // Rounding may leave the sum a hair under one; the quantile is then the largest value.
    (low.unwrap_or(n), high.unwrap_or(n))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranks_agree_with_published_values() {
        assert_eq!(quantile_ranks(1_000, 0.99, 0.95), (Some(983), Some(997)));
        assert_eq!(quantile_ranks(10_000, 0.99, 0.95), (Some(9_880), Some(9_920)));
    }

    #[test]
    fn the_99th_percentile_is_bounded_above_from_368_samples_on() {
        // 0.99^367 = 0.02501 leaves more than 2.5 % above the largest sample; 0.99^368 does not.
        assert_eq!(quantile_ranks(367, 0.99, 0.95).1, None);
        assert_eq!(quantile_ranks(368, 0.99, 0.95).1, Some(368));
        // One-sided at 95 %, which is two-sided at 90 %, 299 samples suffice.
        assert_eq!(quantile_ranks(298, 0.99, 0.90).1, None);
        assert_eq!(quantile_ranks(299, 0.99, 0.90).1, Some(299));
    }

    #[test]
    fn ranks_without_meaning_are_absent() {
        assert_eq!(quantile_ranks(0, 0.99, 0.95), (None, None));
        assert_eq!(quantile_ranks(100, 1.0, 0.95), (None, None));
        assert_eq!(quantile_ranks(100, 0.5, f64::NAN), (None, None));
        assert_eq!(quantile_ranks(1, 0.99, 0.95), (Some(1), None));
        assert_eq!(quantile_ranks(1, 0.01, 0.95), (None, Some(1)));
    }

    /// P(X ≤ k) summed in the plainest way.
    fn distribution(n: u64, p: f64, k: u64) -> f64 {
        let mut weight = (1.0 - p).powf(n as f64);
        let mut sum = weight;
        for i in 0..k {
            weight *= (n - i) as f64 * p / ((i + 1) as f64 * (1.0 - p));
            sum += weight;
        }
        sum
    }

    proptest! {
        #[test]
        fn ranks_obey_the_definition(n in 2u64..200, p in 0.05f64..0.9) {
            let (low, high) = quantile_ranks(n, p, 0.95);
            let low = low.unwrap_or(0);
            let high = high.map_or(n, |high| high - 1);
            prop_assert!(distribution(n, p, low) >= 0.025 - 1e-9);
            prop_assert!(low == 0 || distribution(n, p, low - 1) < 0.025 + 1e-9);
            prop_assert!(distribution(n, p, high) >= 0.975 - 1e-9);
            prop_assert!(high == 0 || distribution(n, p, high - 1) < 0.975 + 1e-9);
        }
    }
}
