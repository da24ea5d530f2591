//! The distribution of Wilcoxon's signed rank statistic under symmetry.

use super::normal;

/// Up to so many values the distribution is counted; above, it is approximated.
const COUNTED_MAX: usize = 100;

/// The largest `c` for which the sum of the ranks of the positive values is `c` or less with a
/// probability of `level` at most, when each of `n` values is positive or negative with equal
/// chance; and that probability. `None` when even the sum 0 is likelier: with 2⁻ⁿ > `level`.
///
/// Counted exactly for up to 100 values; above, by the normal distribution with a correction for
/// continuity, whose tails are heavier than the true ones.
pub(super) fn critical(n: usize, level: f64) -> Option<(usize, f64)> {
    if n > COUNTED_MAX {
        return approximate(n as f64, level);
    }
    let mut attained = 0.0;
    let mut found = None;
    for (sum, probability) in probabilities(n).into_iter().enumerate() {
        attained += probability;
        if attained > level {
            break;
        }
        found = Some((sum, attained));
    }
    found
}

/// The probability of each sum of ranks, 0 to n(n+1)/2. Each rank is in the sum or not, with
/// equal chance, so the counts of subsets by their sum are built up rank by rank.
fn probabilities(n: usize) -> Vec<f64> {
    let largest = n * (n + 1) / 2;
    let mut of_sum = vec![0.0; largest + 1];
    of_sum[0] = 1.0;
    for rank in 1..=n {
        for sum in (0..=rank * (rank + 1) / 2).rev() {
            let without = of_sum[sum];
            let with = if sum >= rank { of_sum[sum - rank] } else { 0.0 };
            of_sum[sum] = (without + with) / 2.0;
        }
    }
    of_sum
}

fn approximate(n: f64, level: f64) -> Option<(usize, f64)> {
    let mean = n * (n + 1.0) / 4.0;
    let deviation = (n * (n + 1.0) * (2.0 * n + 1.0) / 24.0).sqrt();
    let sum = (mean - 0.5 + normal::quantile(level) * deviation).floor();
    let attained = normal::distribution((sum + 0.5 - mean) / deviation);
    (sum >= 0.0).then_some((sum as usize, attained))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_three_ranks_worked_by_hand() {
        // {} 1 2 {3, 1+2} 1+3 2+3 1+2+3: eight subsets.
        let expected = [1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0].map(|count| count / 8.0);
        assert_eq!(probabilities(3), expected);
    }

    #[test]
    fn critical_values_agree_with_published_tables() {
        // Wilcoxon's table, one-sided 0.025 and 0.005.
        let published = [(6, 0), (8, 3), (10, 8), (15, 25), (20, 52), (25, 89), (50, 434)];
        for (n, critical_sum) in published {
            assert_eq!(critical(n, 0.025).unwrap().0, critical_sum, "{n}");
        }
        assert_eq!(critical(10, 0.005).unwrap(), (3, 5.0 / 1024.0));
    }

    #[test]
    fn too_few_values_reach_no_level() {
        assert_eq!(critical(5, 0.025), None);
        assert_eq!(critical(0, 0.025), None);
        assert_eq!(critical(200, 0.0), None);
    }

    #[test]
    fn the_approximation_takes_over_without_a_step_and_errs_on_the_safe_side() {
        for level in [0.025, 0.005, 0.001] {
            let counted = critical(COUNTED_MAX, level).unwrap().0;
            let approximated = approximate(COUNTED_MAX as f64, level).unwrap().0;
            assert!(approximated <= counted && counted - approximated < 20, "{counted}");
        }
    }
}
