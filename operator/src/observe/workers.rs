//! What the workers' counters say about the time since the last look. Pure: the time is passed
//! in. A counter that fell was reset, so all of it is new.

use std::collections::HashMap;
use std::time::Duration;

use super::Histogram;
use super::prometheus::WorkerSample;

/// Fewest records from which a service time is taken.
const RECORDS_LEAST: f64 = 20.0;
/// Most workers remembered.
const WORKERS_MAX: usize = 1024;

/// Remembers the last sample of each worker. Bounded.
#[derive(Debug, Clone, Default)]
pub struct WorkerTracker {
    last: HashMap<String, (Duration, WorkerSample)>,
}

/// The workers of a job since the last look.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct WorkersView {
    /// Records processed in a second by all workers that were seen twice.
    pub records_per_s: Option<f64>,
    /// Whether any of them reports busy time at all.
    pub reports_busy_time: bool,
    /// Share of time they were busy, averaged.
    pub busy_share: Option<f64>,
    /// Busy time for one record in seconds: the inverse of the true rate of DS2.
    pub service_time_s: Option<f64>,
    /// 99th percentile of latency.
    pub p99_latency: Option<Duration>,
}

impl WorkerTracker {
    /// Takes in the samples of all workers that answered at `now`, by the pods' ids. Workers
    /// that did not answer are forgotten: their next answer starts anew.
    pub fn record(
        &mut self,
        now: Duration,
        samples: impl IntoIterator<Item = (String, WorkerSample)>,
    ) -> WorkersView {
        let mut sums = Sums::default();
        let mut kept = HashMap::new();
        for (pod, sample) in samples.into_iter().take(WORKERS_MAX) {
            sums.reports_busy_time |= sample.busy_seconds_total.is_some();
            if let Some((then, before)) = self.last.get(&pod) {
                let elapsed_s = now.saturating_sub(*then).as_secs_f64();
                if elapsed_s > 0.001 {
                    sums.add(elapsed_s, before, &sample);
                }
            }
            kept.insert(pod, (now, sample));
        }
        self.last = kept;
        sums.view()
    }
}

#[derive(Debug, Default)]
struct Sums {
    records_per_s: Option<f64>,
    reports_busy_time: bool,
    busy_share: f64,
    busy_workers: f64,
    records: f64,
    busy_s: f64,
    latency: Histogram,
}

impl Sums {
    fn add(&mut self, elapsed_s: f64, before: &WorkerSample, after: &WorkerSample) {
        let records = gained(before.records_total, after.records_total);
        let busy_s = gained(before.busy_seconds_total, after.busy_seconds_total);
        if let Some(records) = records {
            self.records_per_s = Some(self.records_per_s.unwrap_or(0.0) + records / elapsed_s);
        }
        if let Some(busy_s) = busy_s {
            self.busy_share += busy_s / elapsed_s;
            self.busy_workers += 1.0;
        }
        if let (Some(records), Some(busy_s)) = (records, busy_s) {
            self.records += records;
            self.busy_s += busy_s;
        }
        self.latency.merge(&after.latency.gained_since(&before.latency));
    }

    fn view(&self) -> WorkersView {
        let enough = self.records >= RECORDS_LEAST && self.busy_s > 0.0;
        WorkersView {
            records_per_s: self.records_per_s,
            reports_busy_time: self.reports_busy_time,
            busy_share: (self.busy_workers > 0.0).then(|| self.busy_share / self.busy_workers),
            service_time_s: enough.then(|| self.busy_s / self.records),
            p99_latency: self.latency.quantile(0.99),
        }
    }
}

fn gained(before: Option<f64>, after: Option<f64>) -> Option<f64> {
    let after = after?;
    let before = before.filter(|before| *before <= after).unwrap_or(0.0);
    Some(after - before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(records: f64, busy_s: f64, buckets: &[(f64, f64)]) -> WorkerSample {
        WorkerSample {
            records_total: Some(records),
            busy_seconds_total: Some(busy_s),
            latency: buckets.iter().copied().collect(),
            service: Histogram::default(),
        }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn one(name: &str, sample: WorkerSample) -> (String, WorkerSample) {
        (name.to_owned(), sample)
    }

    /// Two workers in 2 s: 200 records in 1 s busy, 100 records in 0.2 s busy. Together 150/s;
    /// shares 0.5 and 0.1, mean 0.3; 1.2 s / 300 = 4 ms a record.
    #[test]
    fn counters_give_rate_busy_share_and_service_time() {
        let mut tracker = WorkerTracker::default();
        let first = [one("a", worker(1000.0, 5.0, &[])), one("b", worker(0.0, 0.0, &[]))];
        let nothing_yet = WorkersView { reports_busy_time: true, ..WorkersView::default() };
        assert_eq!(tracker.record(at(0), first), nothing_yet);
        let second = [one("a", worker(1200.0, 6.0, &[])), one("b", worker(100.0, 0.2, &[]))];
        let view = tracker.record(at(2), second);
        assert_eq!(view.records_per_s, Some(150.0));
        assert!((view.busy_share.unwrap() - 0.3).abs() < 1e-12);
        assert!((view.service_time_s.unwrap() - 0.004).abs() < 1e-12);
    }

    /// 100 new latencies: 98 up to 10 ms, 2 more up to 20 ms. Rank 99 is half way through the
    /// second bucket: 15 ms.
    #[test]
    fn the_quantile_is_of_the_last_interval_only() {
        let mut tracker = WorkerTracker::default();
        let buckets = |low, high, all| [(0.01, low), (0.02, high), (f64::INFINITY, all)];
        let before = worker(0.0, 0.0, &buckets(0.0, 0.0, 500.0));
        let after = worker(0.0, 0.0, &buckets(98.0, 100.0, 600.0));
        let _ = tracker.record(at(0), [one("a", before)]);
        let view = tracker.record(at(1), [one("a", after)]);
        assert_eq!(view.p99_latency, Some(Duration::from_millis(15)));
    }

    #[test]
    fn a_counter_that_fell_starts_again_from_zero() {
        let mut tracker = WorkerTracker::default();
        let _ = tracker.record(at(0), [one("a", worker(1000.0, 9.0, &[(0.1, 50.0)]))]);
        let view = tracker.record(at(1), [one("a", worker(30.0, 0.3, &[(0.1, 30.0)]))]);
        assert_eq!(view.records_per_s, Some(30.0));
        assert!((view.service_time_s.unwrap() - 0.01).abs() < 1e-12);
        assert!(view.p99_latency.is_some());
    }

    #[test]
    fn a_new_pod_and_a_missing_one_do_not_disturb_the_others() {
        let mut tracker = WorkerTracker::default();
        let _ = tracker.record(at(0), [one("a", worker(0.0, 0.0, &[]))]);
        let both = [one("a", worker(10.0, 0.1, &[])), one("b", worker(999.0, 9.0, &[]))];
        assert_eq!(tracker.record(at(1), both).records_per_s, Some(10.0));
        let other = [one("b", worker(1009.0, 9.1, &[]))];
        assert_eq!(tracker.record(at(2), other).records_per_s, Some(10.0));
        assert_eq!(tracker.last.len(), 1);
    }
}
