//! Quantiles of the standard normal distribution.

use statrs::function::erf;

/// The value that a standard normal variable stays below with probability `p`.
pub(super) fn quantile(p: f64) -> f64 {
    -std::f64::consts::SQRT_2 * erf::erfc_inv(2.0 * p)
}

/// The probability that a standard normal variable is at most `z`.
pub(super) fn distribution(z: f64) -> f64 {
    0.5 * erf::erfc(-z / std::f64::consts::SQRT_2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_agree_with_published_values() {
        // scipy.stats.norm.ppf([0.5, 0.975, 0.99, 0.001])
        let published = [
            (0.5, 0.0),
            (0.975, 1.959963984540054),
            (0.99, 2.3263478740408408),
            (0.001, -3.090232306167813),
        ];
        for (p, z) in published {
            assert!((quantile(p) - z).abs() < 1e-9, "{p}: {}", quantile(p));
            assert!((distribution(z) - p).abs() < 1e-10);
        }
    }
}
