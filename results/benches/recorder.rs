//! What recording one latency costs.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use results::Latencies;

/// Latencies as they come: spread over three decades by a fixed multiplicative sequence.
fn samples() -> Vec<i64> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        100 + i64::from(state >> 12) % 100_000
    };
    (0..100_000).map(|_| next()).collect()
}

fn record(criterion: &mut Criterion) {
    let samples = samples();
    let mut latencies = Latencies::new();
    let mut group = criterion.benchmark_group("recorder");
    group.throughput(Throughput::Elements(samples.len() as u64));
    group.bench_function("record_us", |bencher| {
        bencher.iter(|| samples.iter().for_each(|sample| latencies.record_us(*sample)));
    });
    group.finish();
    let mut total = Latencies::new();
    criterion.bench_function("merge", |bencher| bencher.iter(|| total.merge(&latencies)));
    criterion.bench_function("to_record", |bencher| bencher.iter(|| latencies.to_record()));
}

criterion_group!(benches, record);
criterion_main!(benches);
