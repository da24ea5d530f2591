//! An interval for the mean of a few repetitions.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// Student's interval, two-sided, for the mean of independent, roughly normal values; `None` with
/// fewer than two, or when one is not finite or the confidence not between 0 and 1.
pub fn mean_interval(values: &[f64], confidence: f64) -> Option<(f64, f64)> {
    if !(confidence > 0.0 && confidence < 1.0) {
        return None;
    }
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let error = (squares / (n - 1.0) / n).sqrt();
    let law = StudentsT::new(0.0, 1.0, n - 1.0).ok()?;
    let half = law.inverse_cdf((1.0 + confidence) / 2.0) * error;
    (mean.is_finite() && half.is_finite()).then_some((mean - half, mean + half))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_agree_with_published_values() {
        // t of 0.975 with 4 degrees of freedom: 2.7764451; the error is sqrt(2.5 / 5).
        let (low, high) = mean_interval(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.95).unwrap();
        let half = 2.776_445_105_198 * 0.5f64.sqrt();
        assert!((low - (3.0 - half)).abs() < 1e-9, "{low}");
        assert!((high - (3.0 + half)).abs() < 1e-9, "{high}");
    }

    #[test]
    fn what_has_no_interval_is_absent() {
        assert_eq!(mean_interval(&[], 0.95), None);
        assert_eq!(mean_interval(&[1.0], 0.95), None);
        assert_eq!(mean_interval(&[1.0, f64::INFINITY], 0.95), None);
        assert_eq!(mean_interval(&[1.0, 2.0], 1.0), None);
        assert_eq!(mean_interval(&[2.0, 2.0], 0.95), Some((2.0, 2.0)));
    }
}
