//! Kinds of noise that machines show: logarithms of window after window.

use super::Setting;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

/// How much a drift adds from the first window to the last, in standard deviations of a window.
pub const DRIFT_DEVIATIONS: f64 = 3.0;
/// The probability that a burst starts at a window, and that one ends after a window.
const BURST_STARTS: f64 = 0.05;
const BURST_ENDS: f64 = 1.0 / 3.0;
/// What a burst adds to the logarithm of a window's value: about 35 %, and how that varies.
const BURST_HEIGHT: f64 = 0.3;
const BURST_VARIES: f64 = 0.1;

/// A kind of noise.
#[derive(Debug, Clone, Copy)]
pub enum Noise {
    /// Windows are independent.
    Independent,
    /// Each window keeps this share of the deviation of the one before.
    Correlated(f64),
    /// Independent, with a steady rise or fall.
    Drifting,
    /// Independent, with bursts of three windows on average.
    Bursty,
}

impl Noise {
    /// All that are calibrated against.
    pub const ALL: [Noise; 5] = [
        Noise::Independent,
        Noise::Correlated(0.5),
        Noise::Correlated(0.8),
        Noise::Drifting,
        Noise::Bursty,
    ];

    /// In the words of the table.
    pub fn words(self) -> String {
        match self {
            Noise::Independent => "independent".to_owned(),
            Noise::Correlated(share) => format!("AR(1), ρ = {share}"),
            Noise::Drifting => format!("drifting by {DRIFT_DEVIATIONS} deviations"),
            Noise::Bursty => "bursts of +35 %, 3 windows long".to_owned(),
        }
    }

    /// Logarithms of `count` windows' values.
    pub fn windows(self, count: usize, setting: &Setting, random: &mut ChaCha8Rng) -> Vec<f64> {
        let deviation = setting.noise / std::f64::consts::SQRT_2;
        let mut normal = || random.sample::<f64, _>(StandardNormal);
        match self {
            Noise::Independent => (0..count).map(|_| deviation * normal()).collect(),
            Noise::Correlated(share) => {
                let mut value = normal();
                let mut next = || {
                    value = share * value + (1.0 - share * share).sqrt() * normal();
                    deviation * value
                };
                (0..count).map(|_| next()).collect()
            }
            Noise::Drifting => {
                let sign = normal().signum();
                let step = sign * DRIFT_DEVIATIONS / count as f64;
                (0..count).map(|i| deviation * (normal() + step * i as f64)).collect()
            }
            Noise::Bursty => bursty(count, deviation, random),
        }
    }
}

fn bursty(count: usize, deviation: f64, random: &mut ChaCha8Rng) -> Vec<f64> {
    let mut burst = random.random_bool(BURST_STARTS / (BURST_STARTS + BURST_ENDS));
    let mut window = || {
        burst = random.random_bool(if burst { 1.0 - BURST_ENDS } else { BURST_STARTS });
        let mut normal = || random.sample::<f64, _>(StandardNormal);
        let height = if burst { BURST_HEIGHT + BURST_VARIES * normal() } else { 0.0 };
        height + deviation * normal()
    };
    (0..count).map(|_| window()).collect()
}
