//! What the worker says of itself, in Prometheus text.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Upper bounds double from 1 ms; the last is 65.536 s, and above it is one more bucket.
const BUCKETS: usize = 17;
const FIRST_BOUND_US: u64 = 1_000;

/// Counters that any thread may read. Every update is one relaxed atomic operation.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) records: AtomicU64,
    pub(crate) busy_ns: AtomicU64,
    pub(crate) assigned_partitions: AtomicU64,
    pub(crate) ready: AtomicBool,
    latency: Histogram,
}

#[derive(Debug, Default)]
struct Histogram {
    buckets: [AtomicU64; BUCKETS + 1],
    sum_us: AtomicU64,
}

impl Metrics {
    /// A result was acknowledged this long after its record was intended to be sent. A negative
    /// latency (clocks disagree) counts as 0.
    pub(crate) fn observe_latency_us(&self, latency_us: u64) {
        self.latency.buckets[bucket(latency_us)].fetch_add(1, Ordering::Relaxed);
        self.latency.sum_us.fetch_add(latency_us, Ordering::Relaxed);
    }

    /// The Prometheus text exposition format, version 0.0.4.
    pub(crate) fn text(&self) -> String {
        let mut text = String::with_capacity(2_048);
        let records = self.records.load(Ordering::Relaxed);
        let busy = self.busy_ns.load(Ordering::Relaxed) as f64 / 1e9;
        let assigned = self.assigned_partitions.load(Ordering::Relaxed);
        family(&mut text, "records_total", "counter", "Records processed.");
        line(&mut text, "records_total", &records.to_string());
        family(&mut text, "busy_seconds_total", "counter", "Time spent on records.");
        line(&mut text, "busy_seconds_total", &format!("{busy:.6}"));
        family(&mut text, "assigned_partitions", "gauge", "Partitions owned.");
        line(&mut text, "assigned_partitions", &assigned.to_string());
        let help = "Intended send time to result acknowledged.";
        family(&mut text, "latency_seconds", "histogram", help);
        self.latency.lines(&mut text);
        text
    }
}

impl Histogram {
    fn lines(&self, text: &mut String) {
        let mut count = 0;
        for (index, bucket) in self.buckets.iter().enumerate() {
            count += bucket.load(Ordering::Relaxed);
            let bound = match FIRST_BOUND_US.checked_shl(index as u32) {
                Some(bound_us) if index < BUCKETS => (bound_us as f64 / 1e6).to_string(),
                _ => "+Inf".to_owned(),
            };
            let name = format!("latency_seconds_bucket{{le=\"{bound}\"}}");
            line(text, &name, &count.to_string());
        }
        let sum = self.sum_us.load(Ordering::Relaxed) as f64 / 1e6;
        line(text, "latency_seconds_sum", &format!("{sum:.6}"));
        line(text, "latency_seconds_count", &count.to_string());
    }
}

/// The bucket of a latency: its upper bound is inclusive.
fn bucket(latency_us: u64) -> usize {
    let doublings = latency_us.div_ceil(FIRST_BOUND_US).max(1).next_power_of_two();
    (doublings.trailing_zeros() as usize).min(BUCKETS)
}

fn family(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "# HELP streaming_worker_{name} {help}");
    let _ = writeln!(text, "# TYPE streaming_worker_{name} {kind}");
}

fn line(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "streaming_worker_{name} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upper_bounds_are_inclusive_and_double() {
        assert_eq!([0, 1, 1_000, 1_001, 2_000, 2_001].map(bucket), [0, 0, 0, 1, 1, 2]);
        assert_eq!([65_536_000, 65_536_001, u64::MAX / 2].map(bucket), [16, 17, 17]);
    }

    #[test]
    fn the_text_is_cumulative_and_complete() {
        let metrics = Metrics::default();
        metrics.records.store(3, Ordering::Relaxed);
        metrics.busy_ns.store(1_500_000_000, Ordering::Relaxed);
        metrics.assigned_partitions.store(4, Ordering::Relaxed);
        for latency_us in [900, 3_500, 100_000_000] {
            metrics.observe_latency_us(latency_us);
        }
        let text = metrics.text();
        for line in [
            "# TYPE streaming_worker_latency_seconds histogram",
            "streaming_worker_records_total 3",
            "streaming_worker_busy_seconds_total 1.500000",
            "streaming_worker_assigned_partitions 4",
            "streaming_worker_latency_seconds_bucket{le=\"0.001\"} 1",
            "streaming_worker_latency_seconds_bucket{le=\"0.002\"} 1",
            "streaming_worker_latency_seconds_bucket{le=\"0.004\"} 2",
            "streaming_worker_latency_seconds_bucket{le=\"65.536\"} 2",
            "streaming_worker_latency_seconds_bucket{le=\"+Inf\"} 3",
            "streaming_worker_latency_seconds_sum 100.004400",
            "streaming_worker_latency_seconds_count 3",
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
        }
    }
}
