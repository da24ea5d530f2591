//! How large `report.html` of a long run is, and how long it takes to write.

use crate::micro::now;
use results::{Comparison, Latencies, RunRecord, SeriesRow};
use std::collections::BTreeMap;
use std::time::Duration;

const SECONDS: u32 = 3_600;
const STRATEGIES: [&str; 3] = ["first", "second", "third"];
const REPETITIONS: u32 = 3;
/// Responses a trial: enough to fill every bucket that such a run fills.
const RESPONSES: u32 = 1_000_000;

/// The page of an hour under three strategies with three repetitions each, every second of which
/// differs, in bytes; and the time from its records to its text. What is not a series or a
/// histogram is as in `template`.
///
/// # Errors
/// When the records do not belong together.
pub fn one_hour(template: &RunRecord) -> anyhow::Result<(usize, Duration)> {
    let mut records = Vec::new();
    for (index, strategy) in (0..).zip(STRATEGIES) {
        for repetition in 1..=REPETITIONS {
            let mut record = template.clone();
            strategy.clone_into(&mut record.strategy);
            record.repetition = repetition;
            let salt = index * REPETITIONS + repetition;
            record.series = (0..SECONDS).map(|second| row(second, salt)).collect();
            record.response = response(salt).to_record();
            records.push(record);
        }
    }
    let start = now();
    let page =
        results::report::html(&Comparison::from_records(&records)?, &records, &BTreeMap::new());
    Ok((page.len(), start.elapsed()))
}

/// From 0 to 1, as if by chance.
fn noise(index: u32, salt: u32) -> f64 {
    let mixed = (index ^ salt.rotate_left(16)).wrapping_mul(2_654_435_761) >> 8;
    f64::from(mixed) / f64::from(1u32 << 24)
}

fn row(second: u32, salt: u32) -> SeriesRow {
    let noise = |part: u32| noise(second * 8 + part, salt);
    SeriesRow {
        t_s: f64::from(second) + 1.0,
        offered: 2_000.0 + 300.0 * noise(0),
        achieved: 2_000.0 + 300.0 * noise(1),
        response_p99_ms: Some(20.0 + 400.0 * noise(2) * noise(3)),
        lag_records: Some((5_000.0 * noise(4)) as u64),
        demand_replicas: Some(2.0 + 9.0 * noise(5)),
        ready_replicas: 2 + (20.0 * noise(6)) as u32,
        desired_replicas: 2 + (20.0 * noise(7)) as u32,
        ..SeriesRow::default()
    }
}

fn response(salt: u32) -> Latencies {
    let mut response = Latencies::new();
    for index in 0..RESPONSES {
        response.record_us((1_000.0 / (1.0 - noise(index, salt)).max(1e-4)) as i64);
    }
    response
}
