//! Does something grow? A straight line through a series, with the uncertainty of its slope.

use statrs::distribution::{ContinuousCDF, StudentsT};

use crate::series::{SeriesRow, intervals};

/// The slope of a series with its confidence interval, in units a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// The slope of the least-squares line.
    pub slope: f64,
    /// The lower end of the interval.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
}

/// The least-squares slope of `values` over `times_s`, with the two-sided interval at
/// `confidence`. Residuals that follow each other are alike in a queue, so the number of points is
/// reduced to the effective number n (1 − ρ) / (1 + ρ), ρ being the residuals' lag-1
/// autocorrelation where that is positive (Bayley and Hammersley 1946, for a first-order
/// process). `None` for fewer than four points, or for times that do not differ.
pub fn trend(times_s: &[f64], values: &[f64], confidence: f64) -> Option<Trend> {
    let n = times_s.len().min(values.len());
    if n < 4 {
        return None;
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / n as f64;
    let (times_s, values) = (&times_s[..n], &values[..n]);
    let (mean_time, mean_value) = (mean(times_s), mean(values));
    let spread: f64 = times_s.iter().map(|t| (t - mean_time).powi(2)).sum();
    let product: f64 =
        times_s.iter().zip(values).map(|(t, v)| (t - mean_time) * (v - mean_value)).sum();
    let slope = product / spread;
    let residuals: Vec<f64> =
        times_s.iter().zip(values).map(|(t, v)| v - mean_value - slope * (t - mean_time)).collect();
    let squares: f64 = residuals.iter().map(|r| r * r).sum();
    let neighbours: f64 = residuals.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let alike = if squares > 0.0 { (neighbours / squares).clamp(0.0, 0.9) } else { 0.0 };
    let effective = (n as f64 * (1.0 - alike) / (1.0 + alike)).max(3.0);
    let freedom = effective - 2.0;
    let error = (squares / freedom / spread).sqrt();
    let factor = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(0.5 + confidence / 2.0);
    let trend = Trend { slope, low: slope - factor * error, high: slope + factor * error };
    (trend.low.is_finite() && trend.high.is_finite()).then_some(trend)
}

/// The messages that were due and have no result yet, at each row's end.
pub fn backlog(series: &[SeriesRow]) -> Vec<f64> {
    let mut waiting = 0.0;
    let at_end = intervals(series).map(|(start_s, row)| {
        waiting += (row.offered - row.observed) * (row.t_s - start_s);
        waiting
    });
    at_end.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slope_and_its_interval_worked_by_hand() {
        // scipy.stats.linregress([1,2,3,4,5],[2,1,4,3,5]): slope 0.8, standard error 0.34641;
        // t(0.975; 3) = 3.18245. The residuals alternate, so no point is taken away.
        let times = [1.0, 2.0, 3.0, 4.0, 5.0];
        let found = trend(&times, &[2.0, 1.0, 4.0, 3.0, 5.0], 0.95).unwrap();
        assert!((found.slope - 0.8).abs() < 1e-12);
        assert!((found.high - (0.8 + 3.18245 * 0.34641)).abs() < 1e-4, "{found:?}");
        assert!((found.low - (0.8 - 3.18245 * 0.34641)).abs() < 1e-4, "{found:?}");
    }

    #[test]
    fn values_that_follow_each_other_say_less() {
        let times: Vec<f64> = (0..12).map(f64::from).collect();
        let wave: Vec<f64> = times.iter().map(|t| (t / 2.0).sin()).collect();
        let shuffled: Vec<f64> = [0, 6, 3, 9, 1, 7, 4, 10, 2, 8, 5, 11].map(|i| wave[i]).to_vec();
        let width = |values: &[f64]| {
            let found = trend(&times, values, 0.95).unwrap();
            found.high - found.low
        };
        assert!(width(&wave) > 1.5 * width(&shuffled));
    }

    #[test]
    fn what_has_no_slope_gives_none() {
        assert_eq!(trend(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0], 0.95), None);
        assert_eq!(trend(&[1.0; 5], &[1.0, 2.0, 3.0, 4.0, 5.0], 0.95), None);
        assert_eq!(trend(&[1.0, 2.0, 3.0, 4.0], &[f64::NAN; 4], 0.95), None);
    }

    #[test]
    fn the_backlog_is_what_was_due_and_has_no_result() {
        let row =
            |t_s, offered, observed| SeriesRow { t_s, offered, observed, ..SeriesRow::default() };
        let series = [row(1.0, 100.0, 80.0), row(2.0, 100.0, 100.0), row(4.0, 0.0, 10.0)];
        assert_eq!(backlog(&series), [20.0, 20.0, 0.0]);
    }
}
