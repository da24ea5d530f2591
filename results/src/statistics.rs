//! Estimates with their intervals, and decisions that keep a stated error rate.
//!
//! One method a file, each with its source:
//!
//! - [`quantile_ranks`]: an interval for a quantile, free of distribution;
//! - [`paired`]: Hodges–Lehmann and the interval of the signed rank test, for paired windows;
//! - [`student`]: an interval for a mean of few repetitions;
//! - [`correlation`]: lag-1 autocorrelation, and how many samples a series is worth;
//! - [`warm_up`]: where a series has settled;
//! - [`holm()`]: several tests at one stated error rate;
//! - [`duet`]: a sequential decision over paired windows;
//! - [`changes`]: where a history has changed, by the [`energy`] distance of its parts;
//! - [`share_interval`]: an interval for a share that was counted;
//! - [`sign_test()`]: whether one of two is hit more often than the other;
//! - [`power`]: how many windows are needed.
//!
//! Seeds come in; nothing here draws randomness of its own.

pub mod changes;
pub mod correlation;
pub mod duet;
pub mod energy;
mod holm;
mod normal;
pub mod paired;
pub mod power;
mod ranks;
mod share;
mod sign;
mod signed_rank;
mod spending;
pub mod student;
pub mod warm_up;

pub use holm::holm;
pub use ranks::quantile_ranks;
pub use share::share_interval;
pub use sign::sign_test;

/// The median of `values`; of an even number of values, the mean of the middle two. `None` when
/// there are none. The values must not be NaN.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    let lower = sorted[middle - 1];
    // Two infinities must not give NaN.
    Some(if lower == upper { upper } else { lower + (upper - lower) / 2.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_worked_by_hand() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[1.0, f64::INFINITY, f64::INFINITY]), Some(f64::INFINITY));
        assert_eq!(median(&[f64::INFINITY, f64::INFINITY]), Some(f64::INFINITY));
    }
}
