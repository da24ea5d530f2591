//! A delay that strays, evenly or with a heavy tail.

use std::time::Duration;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::DELAY_MAX;

/// The longest draw of a heavy tail in jitters; one in ten thousand would be longer.
const TAIL_MAX: u32 = 100;

/// How late each chunk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delay {
    /// How late.
    pub delay: Duration,
    /// How far the delay strays.
    pub jitter: Duration,
    /// In which way it strays.
    pub law: JitterLaw,
}

/// In which way a delay strays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JitterLaw {
    /// Evenly, by up to the jitter to either side.
    #[default]
    Even,
    /// Only upwards, by the jitter in the mean and sometimes by far more: a Pareto law of the
    /// second kind (Lomax, 1954) of shape 2, whose median is 0.41 and whose 99th percentile is 9
    /// times the jitter. No draw is above 100 times the jitter.
    HeavyTail,
}

impl Delay {
    /// The longest delay there can be.
    pub fn longest(&self) -> Duration {
        let stray = match self.law {
            JitterLaw::Even => self.jitter,
            JitterLaw::HeavyTail => self.jitter.saturating_mul(TAIL_MAX),
        };
        self.delay.saturating_add(stray).min(DELAY_MAX)
    }

    /// The shortest delay there can be.
    pub fn shortest(&self) -> Duration {
        match self.law {
            JitterLaw::Even => self.delay.saturating_sub(self.jitter),
            JitterLaw::HeavyTail => self.delay,
        }
    }

    /// The delay of one chunk.
    pub(crate) fn draw(&self, random: &mut ChaCha8Rng) -> Duration {
        let jitters = match self.law {
            JitterLaw::Even => random.random_range(-1.0..=1.0),
            JitterLaw::HeavyTail => {
                let left: f64 = 1.0 - random.random::<f64>();
                left.powf(-0.5) - 1.0
            }
        };
        let late_s = self.delay.as_secs_f64() + self.jitter.as_secs_f64() * jitters;
        let late = Duration::try_from_secs_f64(late_s.max(0.0)).unwrap_or(DELAY_MAX);
        late.min(self.longest())
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    fn draws(law: JitterLaw) -> Vec<f64> {
        let delay = Delay { delay: 20 * MILLI, jitter: 10 * MILLI, law };
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut draws: Vec<f64> =
            (0..100_000).map(|_| delay.draw(&mut random).as_secs_f64() * 1e3).collect();
        draws.sort_by(f64::total_cmp);
        draws
    }

    fn close(measured: f64, expected: f64) {
        assert!((measured / expected - 1.0).abs() < 0.05, "{measured} instead of {expected}");
    }

    #[test]
    fn an_even_jitter_fills_its_range() {
        let draws = draws(JitterLaw::Even);
        for (share, expected_ms) in [(0, 10.0), (25, 15.0), (50, 20.0), (75, 25.0)] {
            close(draws[draws.len() * share / 100], expected_ms);
        }
        assert!(draws[0] >= 10.0 && draws[draws.len() - 1] <= 30.0);
    }

    #[test]
    fn a_heavy_tail_has_the_quantiles_of_its_law_and_an_end() {
        let draws = draws(JitterLaw::HeavyTail);
        for (share, expected_ms) in [(0.5, 24.14), (0.9, 41.62), (0.99, 110.0)] {
            close(draws[(draws.len() as f64 * share) as usize], expected_ms);
        }
        assert!(draws[0] >= 20.0 && draws[draws.len() - 1] <= 1_020.0);
    }

    #[test]
    fn the_longest_delay_is_cut() {
        let delay = Delay { delay: Duration::MAX, jitter: Duration::MAX, law: JitterLaw::Even };
        assert_eq!(delay.longest(), DELAY_MAX);
        let mut random = ChaCha8Rng::seed_from_u64(1);
        assert!((0..100).all(|_| delay.draw(&mut random) <= DELAY_MAX));
    }
}
