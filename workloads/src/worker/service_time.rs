//! How long a record takes: a declared law, drawn by the record's position.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rand_distr::{Distribution, Exp1, StandardNormal};

use crate::stream::{Aspect, Stream};

/// Longest declared service time, and longest single draw.
const SERVICE_TIME_MAX: Duration = Duration::from_secs(10);
const SIGMA_MAX: f64 = 5.0;

/// The law of the time a worker spends on one record.
///
/// Written as `constant 200us`, `exponential 200us` (mean) or `lognormal 200us 0.5` (median and
/// standard deviation of the natural logarithm). No draw is longer than 10 s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ServiceTime {
    /// Every record takes this long.
    Constant(Duration),
    /// Memoryless, with this mean.
    Exponential(Duration),
    /// The logarithm is normal.
    LogNormal {
        /// Half of the records take longer.
        median: Duration,
        /// Standard deviation of the natural logarithm.
        sigma: f64,
    },
}

impl Default for ServiceTime {
    /// No service time.
    fn default() -> Self {
        Self::Constant(Duration::ZERO)
    }
}

impl ServiceTime {
    /// The mean over all records. Draws are cut off at 10 s, which this leaves out of account.
    #[must_use]
    pub fn mean(&self) -> Duration {
        match *self {
            Self::Constant(time) | Self::Exponential(time) => time,
            Self::LogNormal { median, sigma } => {
                let mean_s = median.as_secs_f64() * (sigma * sigma / 2.0).exp();
                Duration::from_secs_f64(mean_s.min(SERVICE_TIME_MAX.as_secs_f64()))
            }
        }
    }

    /// The time for the record at a position, in nanoseconds: the same whichever worker, whenever.
    #[must_use]
    pub fn at_ns(&self, position: u64) -> u64 {
        let mut draws = Stream::new(0, Aspect::ServiceTime).generator(position);
        let drawn = match *self {
            Self::Constant(time) => time.as_secs_f64(),
            Self::Exponential(mean) => {
                let unit: f64 = Exp1.sample(&mut draws);
                mean.as_secs_f64() * unit
            }
            Self::LogNormal { median, sigma } => {
                let normal: f64 = StandardNormal.sample(&mut draws);
                median.as_secs_f64() * (sigma * normal).exp()
            }
        };
        (drawn.min(SERVICE_TIME_MAX.as_secs_f64()) * 1e9).round() as u64
    }
}

impl FromStr for ServiceTime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words[..] {
            ["constant", time] => Ok(Self::Constant(duration(time)?)),
            ["exponential", mean] => Ok(Self::Exponential(duration(mean)?)),
            ["lognormal", median, sigma] => {
                let median = duration(median)?;
                match sigma.parse() {
                    Ok(value) if (0.0..=SIGMA_MAX).contains(&value) => {
                        Ok(Self::LogNormal { median, sigma: value })
                    }
                    _ => Err(format!("sigma {sigma:?}; allowed: 0 to {SIGMA_MAX}")),
                }
            }
            _ => Err(format!(
                "{text:?} is no service time; allowed: \"constant 200us\", \"exponential 200us\", \
                 \"lognormal 200us 0.5\""
            )),
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(value) if value <= SERVICE_TIME_MAX => Ok(value),
        Ok(_) => Err(format!("{text:?} is too long; allowed: 0s to 10s")),
        Err(error) => Err(format!("{text:?}: {error}")),
    }
}

impl fmt::Display for ServiceTime {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As one word: humantime puts blanks between units.
        let text = |time: Duration| humantime::format_duration(time).to_string().replace(' ', "");
        match *self {
            Self::Constant(time) => write!(formatter, "constant {}", text(time)),
            Self::Exponential(mean) => write!(formatter, "exponential {}", text(mean)),
            Self::LogNormal { median, sigma } => {
                write!(formatter, "lognormal {} {sigma}", text(median))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean_us(law: &str) -> f64 {
        let law: ServiceTime = law.parse().unwrap();
        let total: u64 = (0..100_000).map(|position| law.at_ns(position)).sum();
        total as f64 / 1e3 / 1e5
    }

    #[test]
    fn each_law_has_its_mean() {
        assert!((mean_us("constant 200us") - 200.0).abs() < 1e-9);
        // 4 standard errors: 200 / √100,000 · 4.
        assert!((mean_us("exponential 200us") - 200.0).abs() < 2.6);
        let asked = 200.0 * (0.125_f64).exp();
        assert!((mean_us("lognormal 200us 0.5") - asked).abs() < 1.6);
    }

    #[test]
    fn the_same_position_takes_the_same_time() {
        let law: ServiceTime = "exponential 1ms".parse().unwrap();
        assert_eq!(law.at_ns(12), law.at_ns(12));
        assert_ne!(law.at_ns(12), law.at_ns(13));
    }

    #[test]
    fn no_draw_exceeds_ten_seconds() {
        let law: ServiceTime = "lognormal 10s 5".parse().unwrap();
        assert!((0..10_000).all(|position| law.at_ns(position) <= 10_000_000_000));
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["constant 0s", "exponential 1ms500us", "lognormal 200us 0.5"] {
            assert_eq!(text.parse::<ServiceTime>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn nonsense_is_refused_with_what_is_allowed() {
        for (text, part) in [
            ("", "allowed: \"constant"),
            ("constant", "allowed: \"constant"),
            ("constant 1h", "allowed: 0s to 10s"),
            ("constant -1us", "-1us"),
            ("lognormal 1ms NaN", "allowed: 0 to 5"),
            ("lognormal 1ms -1", "allowed: 0 to 5"),
        ] {
            let error = text.parse::<ServiceTime>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
