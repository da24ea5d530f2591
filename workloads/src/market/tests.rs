use super::*;

fn spec(correlation: f64) -> MarketDataSpec {
    MarketDataSpec { symbols: 4, correlation, volatility: 0.3, skew: 0.0 }
}

fn pearson(pairs: &[(f64, f64)]) -> f64 {
    let count = pairs.len() as f64;
    let mean = |pick: fn(&(f64, f64)) -> f64| pairs.iter().map(pick).sum::<f64>() / count;
    let (mean_a, mean_b) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in pairs {
        ab += (a - mean_a) * (b - mean_b);
        aa += (a - mean_a).powi(2);
        bb += (b - mean_b).powi(2);
    }
    ab / (aa * bb).sqrt()
}

/// Log-returns of two symbols over a stride, at starts far enough apart to be independent.
fn returns(market: &Market, stride: u64) -> Vec<(f64, f64)> {
    let log_price = |key: u32, block: u64, fraction: f64| {
        market.log_price(key, When { block, fraction }, &market.common_knots(block))
    };
    (0..4_000_u64)
        .map(|sample| {
            let (start, fraction) = (sample * 5_000, (sample % 97) as f64 / 97.0);
            let step = |key| log_price(key, start + stride, fraction) - log_price(key, start, 0.5);
            (step(0), step(3))
        })
        .collect()
}

#[test]
fn returns_of_two_symbols_have_the_asked_correlation_over_every_stride() {
    for asked in [0.0, 0.3, 0.6, 0.95] {
        let market = Market::new(&spec(asked), 42);
        for stride in [1, 16, 300] {
            let achieved = pearson(&returns(&market, stride));
            // Fisher's z: 4 standard errors, once in 16,000 seeds.
            let error = (achieved.atanh() - asked.atanh()).abs() * (3_997.0_f64).sqrt();
            assert!(error < 4.0, "asked {asked}, achieved {achieved} over {stride} blocks");
        }
    }
}

#[test]
fn full_correlation_moves_all_symbols_as_one() {
    let market = Market::new(&spec(1.0), 42);
    assert!(returns(&market, 16).iter().all(|(a, b)| (a - b).abs() < 1e-12));
}

#[test]
fn the_log_price_has_the_asked_volatility_everywhere() {
    let market = Market::new(&spec(0.6), 7);
    for (offset, fraction) in [(0, 0.0), (3, 0.5), (300, 0.25)] {
        let squares = (0..10_000_u64).map(|sample| {
            let when = When { block: sample * 5_000 + offset, fraction };
            market.log_price(1, when, &market.common_knots(when.block)).powi(2)
        });
        let deviation = (squares.sum::<f64>() / 10_000.0).sqrt();
        assert!((deviation - 0.3).abs() < 0.3 * 0.03, "{deviation} at {offset} + {fraction}");
    }
}

#[test]
fn a_path_is_continuous_from_block_to_block() {
    let market = Market::new(&spec(0.6), 9);
    let at = |block, fraction| {
        market.log_price(2, When { block, fraction }, &market.common_knots(block))
    };
    for block in 0..2_000 {
        assert!((at(block, 1.0) - at(block + 1, 0.0)).abs() < 1e-9);
    }
}

#[test]
fn symbols_are_all_different() {
    let symbols: std::collections::HashSet<[u8; 4]> =
        (0..crate::spec::SYMBOLS_MAX).map(|key| Symbol::of(key).0).collect();
    assert_eq!(symbols.len(), crate::spec::SYMBOLS_MAX as usize);
}

#[test]
fn extreme_volatility_still_gives_prices() {
    let extreme = MarketDataSpec { volatility: 2.0, ..spec(0.5) };
    let market = Market::new(&extreme, 1);
    for position in 0..10_000 {
        let when = When { block: position * 512, fraction: 0.0 };
        let tick = market.tick(1, position, when, &market.common_knots(when.block));
        assert!(tick.price_cents >= 1 && tick.price_cents < 10_u64.pow(13));
        assert!(tick.volume >= 1);
    }
}
