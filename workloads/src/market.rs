//! Market data: ticks of stock prices that move together.
//!
//! The log-price of symbol `s` at time `x` is
//! `ln base(s) + volatility · (√ρ F(x) + √(1−ρ) I(s, x))` with a common factor `F` and an own
//! factor `I(s, ·)`: independent paths of one Gaussian law. Since every path has the same law,
//! the log-returns of any two symbols over any stride have correlation exactly ρ, whatever that
//! law is. Time runs in blocks of the key plan (about eight ticks a symbol), so that the
//! correlation can be seen in the ticks themselves: measured from last prices, it is reached for
//! strides of 16 blocks and more (below that, prices of different age dampen it, as they do on
//! real markets: Epps 1979).
//!
//! A path is value noise with a standard normal margin: four octaves, each with a Gaussian at
//! every knot and interpolation between them. The variance of an octave grows with its
//! wavelength, as a random walk's does up to the longest wavelength; beyond it prices return to
//! their base. Nothing depends on an earlier position.

mod json;

use crate::spec::MarketDataSpec;
use crate::stream::{Aspect, Stream};

pub(crate) use json::write as write_json;

/// Wavelengths of the octaves, in blocks.
const WAVELENGTHS: [u64; 4] = [1, 8, 64, 512];
const EXCHANGES: [&str; 5] = ["XNAS", "XNYS", "ARCX", "BATS", "IEXG"];
const CONDITIONS: [&str; 4] = ["@", "F", "I", "T"];
/// Share of the ticks, in 256ths, that come from a symbol's primary exchange.
const PRIMARY_SHARE: u64 = 180;

/// A stock symbol of four letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Symbol([u8; 4]);

impl Symbol {
    /// The symbol of a key index; different for every index below 26⁴.
    #[must_use]
    pub fn of(key: u32) -> Self {
        const LETTERS: u64 = 26;
        const ALL: u64 = LETTERS * LETTERS * LETTERS * LETTERS;
        // The multiplier has no factor in common with 26⁴, so that this is a bijection.
        let mut code = (u64::from(key) * 196_613 + 41_777) % ALL;
        let mut letters = [0; 4];
        for letter in letters.iter_mut().rev() {
            *letter = b'A' + (code % LETTERS) as u8;
            code /= LETTERS;
        }
        Self(letters)
    }

    /// The letters, which are also the record key.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What a market data event says.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Tick {
    /// Which stock.
    pub symbol: Symbol,
    /// Price in cents, at least 1.
    pub price_cents: u64,
    /// Shares traded, at least 1.
    pub volume: u32,
    /// Market identifier code of the exchange.
    pub exchange: &'static str,
    /// Sale condition; written since schema version 2.
    pub condition: &'static str,
}

/// The price model of all symbols.
#[derive(Clone, Debug)]
pub(crate) struct Market {
    common: Path,
    own: Stream,
    common_weight: f64,
    own_weight: f64,
    symbols: Vec<Listing>,
    volume: Stream,
    exchange: Stream,
    condition: Stream,
}

#[derive(Clone, Debug)]
struct Listing {
    symbol: Symbol,
    base_price_cents: f64,
    primary: &'static str,
}

/// A point in time: a block, and how far into it (0 to 1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct When {
    pub(crate) block: u64,
    pub(crate) fraction: f64,
}

impl Market {
    pub(crate) fn new(spec: &MarketDataSpec, seed: u64) -> Self {
        let base = Stream::new(seed, Aspect::BasePrice);
        let exchange = Stream::new(seed, Aspect::Exchange);
        let symbols = (0..spec.symbols)
            .map(|key| Listing {
                symbol: Symbol::of(key),
                // Log-uniform between 20.00 and 500.00.
                base_price_cents: 2_000.0 * libm::exp(base.unit(u64::from(key)) * libm::log(25.0)),
                primary: EXCHANGES[exchange.branch(0).below(u64::from(key), 5) as usize],
            })
            .collect();
        Self {
            common: Path(Stream::new(seed, Aspect::CommonFactor)),
            own: Stream::new(seed, Aspect::OwnFactor),
            common_weight: spec.volatility * libm::sqrt(spec.correlation),
            own_weight: spec.volatility * libm::sqrt(1.0 - spec.correlation),
            symbols,
            volume: Stream::new(seed, Aspect::Volume),
            exchange,
            condition: Stream::new(seed, Aspect::Conditions),
        }
    }

    /// Knots of the common factor, which are the same for a whole block.
    pub(crate) fn common_knots(&self, block: u64) -> Knots {
        self.common.knots(block)
    }

    /// Log-price of a symbol relative to its base price.
    pub(crate) fn log_price(&self, key: u32, when: When, common: &Knots) -> f64 {
        let own = Path(self.own.branch(u64::from(key))).knots(when.block);
        self.common_weight * common.value(when) + self.own_weight * own.value(when)
    }

    /// The tick of a symbol at a position.
    pub(crate) fn tick(&self, key: u32, position: u64, when: When, common: &Knots) -> Tick {
        let listing = &self.symbols[key as usize];
        let relative = libm::exp(self.log_price(key, when, common));
        let volume = self.volume.bits(position);
        let venue = self.exchange.bits(position);
        let anywhere = EXCHANGES[((venue >> 8) % EXCHANGES.len() as u64) as usize];
        Tick {
            symbol: listing.symbol,
            price_cents: (libm::round(listing.base_price_cents * relative) as u64).max(1),
            // Up to a hundred shares, doubled as often as a coin shows heads, six times at most.
            volume: (1 + (volume % 100) as u32) << (volume >> 32).trailing_ones().min(6),
            exchange: if venue & 0xff < PRIMARY_SHARE { listing.primary } else { anywhere },
            condition: CONDITIONS[(self.condition.bits(position) % 4) as usize],
        }
    }
}

/// A Gaussian path.
#[derive(Clone, Copy, Debug)]
struct Path(Stream);

/// The knots to the left and right of a block, for each octave.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Knots([(f64, f64); WAVELENGTHS.len()]);

impl Path {
    fn knots(self, block: u64) -> Knots {
        let mut knots = Knots::default();
        for (octave, (pair, wavelength)) in knots.0.iter_mut().zip(WAVELENGTHS).enumerate() {
            // Octaves are interleaved, so that no two knots of a path share a position.
            let address =
                |knot: u64| knot.wrapping_mul(WAVELENGTHS.len() as u64).wrapping_add(octave as u64);
            let left = block / wavelength;
            *pair = (self.0.gaussian(address(left)), self.0.gaussian(address(left + 1)));
        }
        knots
    }
}

impl Knots {
    /// Standard normal at every point: the interpolation is divided by its standard deviation.
    fn value(&self, when: When) -> f64 {
        const TOTAL: f64 = (1 + 8 + 64 + 512) as f64;
        let mut sum = 0.0;
        for ((left, right), wavelength) in self.0.into_iter().zip(WAVELENGTHS) {
            let within = (when.block % wavelength) as f64 + when.fraction;
            let toward = within / wavelength as f64;
            let away = 1.0 - toward;
            let variance = (toward * toward + away * away) * (TOTAL / wavelength as f64);
            sum += (left * away + right * toward) / libm::sqrt(variance);
        }
        sum
    }
}

#[cfg(test)]
mod tests;
