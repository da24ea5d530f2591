//! Whether one of two is hit more often than the other.

use statrs::function::beta::beta_reg;

/// How probable it is that of `more + less` things that hit one of two, each with equal chance,
/// `more` or still more hit the first: the one-sided sign test. What hits both or neither of a
/// pair says nothing and is in neither number.
///
/// Source: Arbuthnott, 1710; for example Hollander and Wolfe, "Nonparametric Statistical Methods",
/// section 3.4.
pub fn sign_test(more: usize, less: usize) -> f64 {
    if more == 0 {
        return 1.0;
    }
    // P(X ≥ k) of n tosses of a fair coin is the regularised beta function at a half.
    beta_reg(more as f64, less as f64 + 1.0, 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tosses_worked_by_hand() {
        let close = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-12);
        close(sign_test(0, 0), 1.0);
        close(sign_test(0, 5), 1.0);
        close(sign_test(7, 0), 1.0 / 128.0);
        // 1 + 10 of the 1,024 sequences of ten tosses have nine heads or more.
        close(sign_test(9, 1), 11.0 / 1024.0);
        close(sign_test(1, 1), 0.75);
    }

    #[test]
    fn the_first_statistical_test_ever_made() {
        // In each of 82 years more boys than girls were born in London.
        assert!((sign_test(82, 0).log2() + 82.0).abs() < 1e-9);
    }
}
