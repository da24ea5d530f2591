//! How many paired windows are needed.

use super::normal;

/// The paired windows that it takes to see a relative `change` (0.05 is 5 %) with the given
/// `power`, when `noise` is the standard deviation of the logarithms of the windows' ratios and
/// `alpha` the one-sided error rate: K ≥ ((z₁₋α + z₁₋β) · s / ln(1 + Δ))². `None` when an argument
/// has no meaning or no number of windows suffices.
pub fn windows_needed(noise: f64, change: f64, alpha: f64, power: f64) -> Option<u64> {
    let windows = (reach(alpha, power)? * noise / change.ln_1p()).powi(2).ceil();
    let meant = noise >= 0.0 && change > 0.0 && windows <= 2f64.powi(53);
    meant.then_some((windows as u64).max(1))
}

/// How many standard errors a change must be away to be seen.
pub(super) fn reach(alpha: f64, power: f64) -> Option<f64> {
    let reach = -normal::quantile(alpha) + normal::quantile(power);
    let meant = alpha > 0.0 && alpha < 1.0 && power > 0.0 && power < 1.0 && reach > 0.0;
    meant.then_some(reach)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_worked_by_hand() {
        // (2.3263 + 1.6449) * 0.06 / 0.048790 = 4.8836; squared 23.85.
        assert_eq!(windows_needed(0.06, 0.05, 0.01, 0.95), Some(24));
        assert_eq!(windows_needed(0.0, 0.05, 0.01, 0.95), Some(1));
    }

    #[test]
    fn what_has_no_meaning_is_absent() {
        for noise in [-1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(windows_needed(noise, 0.05, 0.01, 0.95), None);
        }
        assert_eq!(windows_needed(0.06, 0.0, 0.01, 0.95), None);
        assert_eq!(windows_needed(0.06, -2.0, 0.01, 0.95), None);
        assert_eq!(windows_needed(0.06, 0.05, 0.0, 0.95), None);
        assert_eq!(windows_needed(0.06, 0.05, 0.01, 1.0), None);
    }
}
