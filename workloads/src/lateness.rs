//! How far the event time lies behind the intended send time.

use crate::stream::Stream;

/// Latest an event may be, in microseconds: a day.
const LATENESS_US_MAX: f64 = 86_400e6;

/// Which share of the events is late, and how late.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lateness {
    pub(crate) share: f64,
    pub(crate) law: Law,
}

/// A law of positive durations, in microseconds.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Law {
    LogNormal { median_us: f64, sigma: f64 },
    Exponential { mean_us: f64 },
    Pareto { scale_us: f64, shape: f64 },
}

impl Lateness {
    /// Lateness of the event at a position, in microseconds; 0 if it is not late.
    pub(crate) fn at(&self, late_or_not: Stream, amount: Stream, position: u64) -> u64 {
        if late_or_not.unit(position) >= self.share {
            return 0;
        }
        self.law.quantile_us(amount, position).min(LATENESS_US_MAX) as u64
    }
}

impl Law {
    /// A draw by inversion, with `libm` so that the bytes are equal on every platform.
    fn quantile_us(&self, stream: Stream, position: u64) -> f64 {
        match *self {
            Self::LogNormal { median_us, sigma } => {
                median_us * libm::exp(sigma * stream.gaussian(position))
            }
            Self::Exponential { mean_us } => -mean_us * libm::log(stream.unit(position)),
            Self::Pareto { scale_us, shape } => {
                scale_us * libm::exp(-libm::log(stream.unit(position)) / shape)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::Aspect;

    const COUNT: u64 = 40_000;

    fn late(law: Law, share: f64) -> Vec<u64> {
        let lateness = Lateness { share, law };
        let late_or_not = Stream::new(11, Aspect::LateOrNot);
        let amount = Stream::new(11, Aspect::Lateness);
        let mut values: Vec<u64> = (0..COUNT)
            .map(|position| lateness.at(late_or_not, amount, position))
            .filter(|&late_us| late_us > 0)
            .collect();
        values.sort_unstable();
        values
    }

    /// Largest distance between the empirical and the asked distribution function
    /// (Kolmogorov–Smirnov), times the square root of the count: above 1.95 once in 1,000 seeds.
    fn distance(values: &[u64], distribution: impl Fn(f64) -> f64) -> f64 {
        let count = values.len() as f64;
        let worst = values.iter().enumerate().map(|(index, &value)| {
            let asked = distribution(value as f64);
            let above = ((index + 1) as f64 / count - asked).abs();
            above.max((index as f64 / count - asked).abs())
        });
        worst.fold(0.0, f64::max) * count.sqrt()
    }

    #[test]
    fn the_asked_share_is_late() {
        let count = late(Law::Exponential { mean_us: 1e6 }, 0.05).len() as f64;
        // Binomial: 4 standard deviations.
        assert!((count - 2_000.0).abs() < 4.0 * (COUNT as f64 * 0.05 * 0.95).sqrt(), "{count}");
        assert_eq!(late(Law::Exponential { mean_us: 1e6 }, 0.0).len(), 0);
    }

    #[test]
    fn each_law_has_its_distribution() {
        let exponential = late(Law::Exponential { mean_us: 1e6 }, 1.0);
        assert!(distance(&exponential, |x| 1.0 - (-x / 1e6).exp()) < 1.95);
        let pareto = late(Law::Pareto { scale_us: 1e5, shape: 1.5 }, 1.0);
        assert!(distance(&pareto, |x| 1.0 - (1e5 / (x + 1.0)).powf(1.5)) < 1.95);
        let log_normal = late(Law::LogNormal { median_us: 2e5, sigma: 1.0 }, 1.0);
        let normal = |z: f64| 0.5 * libm::erfc(-z / std::f64::consts::SQRT_2);
        assert!(distance(&log_normal, |x| normal((x / 2e5).ln())) < 1.95);
    }

    #[test]
    fn nothing_is_later_than_a_day() {
        let values = late(Law::Pareto { scale_us: 86_400e6, shape: 0.1 }, 1.0);
        assert!(values.iter().all(|&late_us| late_us <= 86_400_000_000));
    }
}
