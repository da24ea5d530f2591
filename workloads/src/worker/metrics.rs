//! What the worker says of itself, in Prometheus text.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::histogram::Histogram;
use crate::clock::WallClock;

/// Latencies: upper bounds double from 1 ms to 65.536 s.
const LATENCY_BOUNDS: usize = 17;
const LATENCY_FIRST_US: u64 = 1_000;
/// Service times: upper bounds double from 10 µs to 10.48576 s.
const SERVICE_BOUNDS: usize = 21;
const SERVICE_FIRST_NS: u64 = 10_000;

/// Counters that any thread may read. Every update is a relaxed atomic operation or two.
#[derive(Debug)]
pub(crate) struct Metrics {
    pub(crate) records: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) busy_ns: AtomicU64,
    pub(crate) assigned_partitions: AtomicU64,
    pub(crate) ready: AtomicBool,
    latency_us: Histogram,
    service_ns: Histogram,
    clock: WallClock,
}

impl Metrics {
    /// Nothing counted yet; latencies will be measured by this clock.
    pub(crate) fn new(clock: WallClock) -> Self {
        Self {
            records: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            busy_ns: AtomicU64::new(0),
            assigned_partitions: AtomicU64::new(0),
            ready: AtomicBool::new(false),
            latency_us: Histogram::new(1_000_000, LATENCY_FIRST_US, LATENCY_BOUNDS),
            service_ns: Histogram::new(1_000_000_000, SERVICE_FIRST_NS, SERVICE_BOUNDS),
            clock,
        }
    }

    /// What the worker takes for the time.
    pub(crate) fn clock(&self) -> WallClock {
        self.clock
    }

    /// The results of records are acknowledged now that were intended to be sent then. A negative
    /// latency (clocks disagree) counts as 0.
    pub(crate) fn acknowledged(&self, intended_us: impl IntoIterator<Item = u64>) {
        let now_us = (self.clock)();
        for intended_us in intended_us {
            self.latency_us.observe(now_us.saturating_sub(intended_us));
        }
    }

    /// A record took this long from work start to work end.
    pub(crate) fn observe_service_ns(&self, service_ns: u64) {
        self.service_ns.observe(service_ns);
    }

    /// The Prometheus text exposition format, version 0.0.4.
    pub(crate) fn text(&self) -> String {
        let mut text = String::with_capacity(4_096);
        let records = self.records.load(Ordering::Relaxed);
        let busy = self.busy_ns.load(Ordering::Relaxed) as f64 / 1e9;
        let assigned = self.assigned_partitions.load(Ordering::Relaxed);
        family(&mut text, "records_total", "counter", "Records processed.");
        line(&mut text, "records_total", &records.to_string());
        let rejected = self.rejected.load(Ordering::Relaxed);
        let help = "Records put aside as dead letters.";
        family(&mut text, "rejected_total", "counter", help);
        line(&mut text, "rejected_total", &rejected.to_string());
        family(&mut text, "busy_seconds_total", "counter", "Time spent on records.");
        line(&mut text, "busy_seconds_total", &format!("{busy:.6}"));
        family(&mut text, "assigned_partitions", "gauge", "Partitions owned.");
        line(&mut text, "assigned_partitions", &assigned.to_string());
        let now_us = (self.clock)();
        let now = format!("{}.{:06}", now_us / 1_000_000, now_us % 1_000_000);
        family(&mut text, "time_seconds", "gauge", "The time of day, since the Unix epoch.");
        line(&mut text, "time_seconds", &now);
        let help = "Intended send time to result acknowledged.";
        family(&mut text, "latency_seconds", "histogram", help);
        self.latency_us.write(&mut text, "streaming_worker_latency_seconds");
        let help = "Work start to work end of one record.";
        family(&mut text, "service_seconds", "histogram", help);
        self.service_ns.write(&mut text, "streaming_worker_service_seconds");
        text
    }
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
    fn the_text_is_cumulative_and_complete() {
        let metrics = Metrics::new(|| 100_000_900);
        metrics.records.store(3, Ordering::Relaxed);
        metrics.rejected.store(2, Ordering::Relaxed);
        metrics.busy_ns.store(1_500_000_000, Ordering::Relaxed);
        metrics.assigned_partitions.store(4, Ordering::Relaxed);
        metrics.acknowledged([100_000_000, 99_997_400, 900]);
        for service_ns in [700, 4_600_000, 12_000_000_000] {
            metrics.observe_service_ns(service_ns);
        }
        let text = metrics.text();
        for line in [
            "# TYPE streaming_worker_latency_seconds histogram",
            "streaming_worker_records_total 3",
            "streaming_worker_rejected_total 2",
            "streaming_worker_busy_seconds_total 1.500000",
            "streaming_worker_assigned_partitions 4",
            "streaming_worker_time_seconds 100.000900",
            "streaming_worker_latency_seconds_bucket{le=\"0.001\"} 1",
            "streaming_worker_latency_seconds_bucket{le=\"0.002\"} 1",
            "streaming_worker_latency_seconds_bucket{le=\"0.004\"} 2",
            "streaming_worker_latency_seconds_bucket{le=\"65.536\"} 2",
            "streaming_worker_latency_seconds_bucket{le=\"+Inf\"} 3",
            "streaming_worker_latency_seconds_sum 100.004400",
            "streaming_worker_latency_seconds_count 3",
            "# TYPE streaming_worker_service_seconds histogram",
            "streaming_worker_service_seconds_bucket{le=\"0.00001\"} 1",
            "streaming_worker_service_seconds_bucket{le=\"0.00256\"} 1",
            "streaming_worker_service_seconds_bucket{le=\"0.00512\"} 2",
            "streaming_worker_service_seconds_bucket{le=\"10.48576\"} 2",
            "streaming_worker_service_seconds_bucket{le=\"+Inf\"} 3",
            "streaming_worker_service_seconds_sum 12.004601",
            "streaming_worker_service_seconds_count 3",
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
        }
    }
}
