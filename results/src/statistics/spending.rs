//! How an error rate is shared among several looks at growing data.

use super::signed_rank;

/// How much of `alpha` may be spent when a `share` (0 to 1) of the data is there; all of it at
/// the end. Of the form that spends about evenly, as Pocock's test does.
///
/// Source: Lan and DeMets, "Discrete sequential boundaries for clinical trials", 1983 (α₂*).
pub(super) fn spent(alpha: f64, share: f64) -> f64 {
    alpha * ((std::f64::consts::E - 1.0) * share.clamp(0.0, 1.0)).ln_1p()
}

/// One look at the data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Look {
    /// How many values there are.
    pub(super) values: usize,
    /// The one-sided error rate of the signed rank test at this look; 0 when there are too few
    /// values for any.
    pub(super) level: f64,
}

/// The looks at growing numbers of values, each with what it may spend: what is allowed so far,
/// less what earlier looks could really use, as the signed rank test reaches certain levels only.
///
/// The levels sum to `alpha` at most. So the rate at which any look errs is `alpha` at most
/// whatever the looks have to do with each other, and no joint distribution is assumed.
pub(super) fn looks(numbers: &[usize], alpha: f64) -> Vec<Look> {
    let last = numbers.last().map_or(1.0, |values| *values as f64);
    let mut used = 0.0;
    let look = |values: &usize| {
        let allowed = spent(alpha, *values as f64 / last) - used;
        let level = signed_rank::critical(*values, allowed).map_or(0.0, |(_, level)| level);
        used += level;
        Look { values: *values, level }
    };
    numbers.iter().map(look).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spending_starts_at_nothing_and_ends_at_alpha() {
        assert_eq!(spent(0.01, 0.0), 0.0);
        assert!((spent(0.01, 1.0) - 0.01).abs() < 1e-15);
        // ln(1 + 1.71828 / 2) = 0.62011.
        assert!((spent(0.05, 0.5) - 0.05 * 0.620_114_5).abs() < 1e-8);
    }

    #[test]
    fn levels_sum_to_alpha_at_most_and_nearly_reach_it() {
        let looks = looks(&[10, 14, 20, 29, 42, 60], 0.01);
        let sum: f64 = looks.iter().map(|look| look.level).sum();
        assert!(sum <= 0.01 && sum > 0.0098, "{sum}");
        // Two of 1,024 choices of signs are within ln(1 + 1.71828 / 6) % = 0.00252.
        assert_eq!(looks[0].level, 2.0 / 1024.0);
    }

    #[test]
    fn a_look_that_cannot_reach_its_level_leaves_it_to_the_next() {
        let looks = looks(&[4, 20], 0.01);
        assert_eq!(looks[0].level, 0.0);
        assert!(looks[1].level > 0.009);
    }
}
