//! How fast events are made and serialised, on one core.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use workloads::spec::{ArrivalSpec, EventsSpec, MarketDataSpec, ShapeSpec, WorkloadSpec};
use workloads::{Event, Generator, Workload};

const BATCH: u64 = 10_000;

fn workload() -> Workload {
    let spec = WorkloadSpec {
        events: EventsSpec::MarketData(MarketDataSpec::default()),
        arrival: ArrivalSpec { rate_per_s: 100_000.0, shape: ShapeSpec::Constant },
        payload_bytes: 200,
        lateness: None,
        schema_change: None,
    };
    match spec.validate(Duration::from_secs(1_000)) {
        Ok(workload) => workload,
        Err(problems) => panic!("{problems:?}"),
    }
}

fn generate(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("market_data");
    group.throughput(Throughput::Elements(BATCH));
    let mut generator = Generator::new(&workload(), 7);
    let (mut event, mut payload, mut position) = (Event::default(), Vec::new(), 0);
    group.bench_function("event", |bencher| {
        bencher.iter(|| {
            for _ in 0..BATCH {
                generator.event(position, &mut event);
                black_box(&event);
                position += 1;
            }
        });
    });
    group.bench_function("event and json", |bencher| {
        bencher.iter(|| {
            for _ in 0..BATCH {
                generator.event(position, &mut event);
                generator.serialize(&event, event.schema_version, &mut payload);
                black_box(&payload);
                position += 1;
            }
        });
    });
    group.finish();
}

criterion_group!(benches, generate);
criterion_main!(benches);
