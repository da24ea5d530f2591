//! Rates and lag time from offsets over time. Pure: the time is passed in.

use std::collections::VecDeque;
use std::time::Duration;

use super::offsets::Offsets;

/// Samples kept; when full, every second one of the older half goes, so that the memory reaches
/// far back at a coarser grain.
const SAMPLES_MAX: usize = 128;
/// Offsets kept over all samples.
const CELLS_MAX: usize = 65_536;
/// The oldest age that is reported.
const AGE_MAX_S: f64 = 86_400.0;

/// Remembers offsets over time. Bounded.
#[derive(Debug, Clone, Default)]
pub struct RateTracker {
    samples: VecDeque<Sample>,
}

#[derive(Debug, Clone)]
struct Sample {
    at: Duration,
    ends: Vec<i64>,
    end_total: f64,
    next_total: f64,
}

/// What offsets over time say.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rates {
    /// Records arriving in a second, over the window.
    pub arrival_per_s: Option<f64>,
    /// Records arriving in a second since the last sample.
    pub arrival_recent_per_s: Option<f64>,
    /// Records committed in a second, over the window; absent if commits went backwards.
    pub processed_per_s: Option<f64>,
    /// Age of the oldest record not yet committed, over all partitions.
    pub lag_time: Option<Duration>,
}

impl RateTracker {
    /// Takes in offsets seen at `now` and says what they mean over `window`. Offsets of another
    /// topic (other partitions, or ends that went back) start the memory anew; a clock that
    /// stood still gives no rates.
    pub fn record(&mut self, now: Duration, offsets: &Offsets, window: Duration) -> Rates {
        let ends: Vec<i64> = offsets.partitions.iter().map(|partition| partition.end).collect();
        let stale = self.samples.back().is_some_and(|last| {
            last.ends.len() != ends.len()
                || last.ends.iter().zip(&ends).any(|(before, after)| after < before)
        });
        if stale {
            self.samples.clear();
        }
        let sample = Sample {
            at: now,
            end_total: ends.iter().map(|end| *end as f64).sum(),
            next_total: offsets.partitions.iter().map(|partition| partition.next as f64).sum(),
            ends,
        };
        let past = self.samples.iter().rev().find(|past| now.saturating_sub(past.at) >= window);
        let past = past.or(self.samples.front());
        let rates = Rates {
            arrival_per_s: past.and_then(|past| per_s(past, &sample, |sample| sample.end_total)),
            arrival_recent_per_s: self
                .samples
                .back()
                .and_then(|past| per_s(past, &sample, |sample| sample.end_total)),
            processed_per_s: past.and_then(|past| per_s(past, &sample, |sample| sample.next_total)),
            lag_time: None,
        };
        if self.samples.back().is_none_or(|last| last.at < now) {
            self.keep(sample);
        }
        Rates { lag_time: self.lag_time(now, offsets), ..rates }
    }

    fn keep(&mut self, sample: Sample) {
        let width = sample.ends.len().max(1);
        let most = SAMPLES_MAX.min(CELLS_MAX / width).max(2);
        if self.samples.len() >= most {
            let older = self.samples.len() / 2;
            let mut index = 0;
            self.samples.retain(|_| {
                index += 1;
                index > older || index % 2 == 1
            });
        }
        while self.samples.len() >= most {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// When was the next record to be processed produced? When the partition's end passed it.
    fn lag_time(&self, now: Duration, offsets: &Offsets) -> Option<Duration> {
        let oldest = self.samples.front()?;
        let mut age_max_s = 0.0_f64;
        for (index, partition) in offsets.partitions.iter().enumerate() {
            if partition.lag() == 0 {
                continue;
            }
            let next = partition.next;
            let after = self.samples.partition_point(|sample| end(sample, index) <= next);
            let age_s = if after == 0 {
                let seen_s = now.saturating_sub(oldest.at).as_secs_f64();
                let arrived = (partition.end - end(oldest, index)) as f64;
                let before = (end(oldest, index) - next) as f64;
                // Older than the memory: as if it had come at the rate seen since.
                if arrived > 0.0 { seen_s + before / arrived * seen_s } else { seen_s }
            } else {
                let from = &self.samples[after - 1];
                let (to_at, to_end) = self
                    .samples
                    .get(after)
                    .map_or((now, partition.end), |sample| (sample.at, end(sample, index)));
                let span_s = to_at.saturating_sub(from.at).as_secs_f64();
                let gained = (to_end - end(from, index)).max(1) as f64;
                let share = ((next - end(from, index)) as f64 / gained).clamp(0.0, 1.0);
                now.saturating_sub(from.at).as_secs_f64() - share * span_s
            };
            age_max_s = age_max_s.max(age_s);
        }
        Some(Duration::from_secs_f64(age_max_s.clamp(0.0, AGE_MAX_S)))
    }
}

fn end(sample: &Sample, partition: usize) -> i64 {
    sample.ends.get(partition).copied().unwrap_or(i64::MAX)
}

fn per_s(past: &Sample, sample: &Sample, total: impl Fn(&Sample) -> f64) -> Option<f64> {
    let elapsed_s = sample.at.saturating_sub(past.at).as_secs_f64();
    let gained = total(sample) - total(past);
    (elapsed_s > 0.001 && gained >= 0.0).then(|| gained / elapsed_s)
}

#[cfg(test)]
mod tests {
    use super::super::offsets::PartitionOffsets;
    use super::*;

    fn offsets(partitions: &[(i64, i64)]) -> Offsets {
        let partitions =
            partitions.iter().map(|(end, next)| PartitionOffsets { end: *end, next: *next });
        Offsets { partitions: partitions.collect() }
    }

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const WINDOW: Duration = Duration::from_secs(3);

    /// 100/s for three seconds, then 400 in the last one: 700 records in 4 s of which the
    /// window of 3 s holds 600, so 200/s; the last interval alone 400/s.
    #[test]
    fn rates_are_over_the_window_and_over_the_last_interval() {
        let mut tracker = RateTracker::default();
        for second in 0..4_i64 {
            let _ = tracker.record(at(second as u64), &offsets(&[(second * 100, 0)]), WINDOW);
        }
        let rates = tracker.record(at(4), &offsets(&[(700, 60)]), WINDOW);
        assert_eq!(rates.arrival_per_s, Some(200.0));
        assert_eq!(rates.arrival_recent_per_s, Some(400.0));
        assert_eq!(rates.processed_per_s, Some(20.0));
    }

    /// Partition 0 gains 100/s; its next record, 150, came at 1.5 s; now is 4 s: 2.5 s old.
    /// Partition 1 is fully processed.
    #[test]
    fn lag_time_is_the_age_of_the_oldest_record_of_the_worst_partition() {
        let mut tracker = RateTracker::default();
        for second in 0..4_i64 {
            let seen = offsets(&[(second * 100, 0), (7, 7)]);
            let _ = tracker.record(at(second as u64), &seen, WINDOW);
        }
        let rates = tracker.record(at(4), &offsets(&[(400, 150), (7, 7)]), WINDOW);
        assert_eq!(rates.lag_time, Some(Duration::from_millis(2500)));
        let rates = tracker.record(at(5), &offsets(&[(400, 400), (7, 7)]), WINDOW);
        assert_eq!(rates.lag_time, Some(Duration::ZERO));
    }

    #[test]
    fn a_record_older_than_the_memory_is_dated_by_the_rate() {
        let mut tracker = RateTracker::default();
        let _ = tracker.record(at(0), &offsets(&[(1000, 0)]), WINDOW);
        let rates = tracker.record(at(10), &offsets(&[(2000, 0)]), WINDOW);
        assert_eq!(rates.lag_time, Some(at(20)));
    }

    #[test]
    fn the_first_sample_a_still_clock_and_a_new_topic_give_no_rates() {
        let mut tracker = RateTracker::default();
        let first = tracker.record(at(5), &offsets(&[(100, 0)]), WINDOW);
        assert_eq!(first.arrival_per_s, None);
        let still = tracker.record(at(5), &offsets(&[(900, 0)]), WINDOW);
        assert_eq!(still.arrival_per_s, None);
        let new = tracker.record(at(6), &offsets(&[(3, 0)]), WINDOW);
        assert_eq!(new.arrival_per_s, None);
        let wider = tracker.record(at(7), &offsets(&[(3, 0), (3, 0)]), WINDOW);
        assert_eq!(wider.arrival_per_s, None);
    }

    #[test]
    fn commits_that_go_back_give_no_processed_rate() {
        let mut tracker = RateTracker::default();
        let _ = tracker.record(at(0), &offsets(&[(100, 90)]), WINDOW);
        let rates = tracker.record(at(1), &offsets(&[(110, 10)]), WINDOW);
        assert_eq!(rates.processed_per_s, None);
        assert_eq!(rates.arrival_per_s, Some(10.0));
    }

    #[test]
    fn memory_is_bounded_and_reaches_far_back() {
        let mut tracker = RateTracker::default();
        for second in 0..10_000_i64 {
            let _ = tracker.record(at(second as u64), &offsets(&[(second, second)]), WINDOW);
        }
        assert!(tracker.samples.len() <= SAMPLES_MAX);
        let reach = tracker.samples.back().unwrap().at - tracker.samples.front().unwrap().at;
        assert!(reach > at(1000), "{reach:?}");
        let wide = offsets(&vec![(1, 1); 20_000]);
        for second in 20_000..20_010 {
            let _ = tracker.record(at(second), &wide, WINDOW);
        }
        assert!(tracker.samples.len() <= CELLS_MAX / 20_000);
    }
}
