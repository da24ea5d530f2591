//! The generator, the recorder and the statistics, in loops on one core.

use std::hint::black_box;
use std::num::NonZeroU64;
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

/// Nanoseconds to read the clock and record what has passed.
pub fn timestamped_recorder_ns() -> f64 {
    let mut latencies = results::Latencies::new();
    let mut before = now();
    let fastest = fastest_ns(|| {
        let this = now();
        latencies.record_us((this - before).as_micros() as i64);
        before = this;
    });
    black_box(&latencies);
    fastest
}

/// Nanoseconds to read the clock, which is the system's.
pub fn clock_ns() -> f64 {
    fastest_ns(|| {
        black_box(now());
    })
}

/// Nanoseconds a call in the fastest of many rounds, as other programs on the machine can only add
/// to them.
fn fastest_ns(mut call: impl FnMut()) -> f64 {
    const ROUNDS: u64 = 100;
    const CALLS: u64 = SAMPLES / ROUNDS;
    let round = |_| {
        let start = now();
        (0..CALLS).for_each(|_| call());
        start.elapsed().as_secs_f64() * 1e9 / CALLS as f64
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}

/// The time of our recorder over that of a bare `hdrhistogram`, the median of alternating rounds.
pub fn recorder_over_bare() -> f64 {
    const ROUNDS: usize = 9;
    let mut bare = hdrhistogram::Histogram::<u64>::new_with_bounds(1, 3_600_000_000, 3)
        .expect("the bounds are the recorder's");
    let ratios: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let ours = recorder_ns();
            let start = now();
            for sample in 0..SAMPLES {
                bare.saturating_record(black_box(sample * 2_654_435_761 % 1_000_000));
            }
            black_box(&bare);
            ours / (start.elapsed().as_secs_f64() * 1e9 / SAMPLES as f64)
        })
        .collect();
    results::statistics::median(&ratios).unwrap_or(f64::INFINITY)
}

/// Seconds to merge so many histograms of intervals into one.
pub fn merges_s(histograms: usize) -> f64 {
    const DIFFERENT: usize = 100;
    let parts: Vec<results::Latencies> = (0..DIFFERENT as i64)
        .map(|part| {
            let mut latencies = results::Latencies::new();
            (0..1_000).for_each(|sample| latencies.record_us(sample * sample + part * 997));
            latencies
        })
        .collect();
    let mut whole = results::Latencies::new();
    let start = now();
    (0..histograms).for_each(|number| whole.merge(&parts[number % DIFFERENT]));
    black_box(&whole);
    start.elapsed().as_secs_f64()
}

/// Milliseconds to look for the best split of a history, without permutations.
pub fn change_pass_ms(values: usize) -> f64 {
    const PASSES: u32 = 2_000;
    let history: Vec<f64> = (0..values).map(|i| (i * 7_919 % 1_009) as f64).collect();
    let mut scan = results::statistics::energy::Scan::default();
    let start = now();
    for _ in 0..PASSES {
        black_box(scan.best_split(black_box(&history), 2));
    }
    start.elapsed().as_secs_f64() * 1e3 / f64::from(PASSES)
}

#[expect(clippy::disallowed_methods, reason = "benchmarks measure time")]
/// The time, for durations.
pub fn now() -> Instant {
    Instant::now()
}

/// Lets sleeps of this thread end in time: with the default slack they end 50 us late.
///
/// # Errors
/// When the kernel refuses.
pub fn punctual() -> std::io::Result<()> {
    Ok(rustix::thread::set_current_timer_slack(NonZeroU64::new(1))?)
}

/// Sleeps up to the moment. How late a sleep ends is part of what is measured.
pub fn wait_until(due: Instant) {
    let left = due.saturating_duration_since(now());
    if !left.is_zero() {
        std::thread::sleep(left);
    }
}
