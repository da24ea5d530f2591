//! The generator and the recorder, in loops on one core.

use std::hint::black_box;
use std::time::{Duration, Instant};
use workloads::{Event, Generator, Workload, WorkloadSpec};

const EVENTS: u64 = 2_000_000;
const SAMPLES: u64 = 20_000_000;

/// The workload of the benchmarks, built from the text of a scenario's `workload`.
///
/// # Errors
/// When the text is not a valid workload.
pub fn workload() -> anyhow::Result<Workload> {
    let spec: WorkloadSpec = serde_json::from_value(serde_json::json!({
        "events": { "market_data":
            { "symbols": 200, "correlation": 0.6, "volatility": 0.2, "skew": 1.0 } },
        "arrival": { "rate_per_s": 1_000_000.0, "shape": "constant" },
        "payload_bytes": 200,
        "lateness": { "share": 0.05,
            "law": { "lognormal": { "median": "200ms", "sigma": 1.0 } } },
    }))?;
    spec.validate(Duration::from_secs(60))
        .map_err(|problems| anyhow::anyhow!("the benchmark's workload: {problems:?}"))
}

/// Events generated and serialised a second.
pub fn generator_per_s(workload: &Workload) -> f64 {
    let mut generator = Generator::new(workload, 1);
    let (mut event, mut payload) = (Event::default(), Vec::new());
    let start = now();
    for position in 0..EVENTS {
        generator.event(position, &mut event);
        generator.serialize(&event, 1, &mut payload);
        black_box(&payload);
    }
    EVENTS as f64 / start.elapsed().as_secs_f64()
}

/// Nanoseconds to record one sample.
pub fn recorder_ns() -> f64 {
    let mut latencies = results::Latencies::new();
    let start = now();
    for sample in 0..SAMPLES {
        // Spread over the range as response times are, and cheap to make.
        latencies.record_us(black_box((sample * 2_654_435_761 % 1_000_000) as i64));
    }
    black_box(&latencies);
    start.elapsed().as_secs_f64() * 1e9 / SAMPLES as f64
}

#[expect(clippy::disallowed_methods, reason = "benchmarks measure time")]
/// The time, for durations.
pub fn now() -> Instant {
    Instant::now()
}
