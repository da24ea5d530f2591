//! A rate over the last seconds, measured as Kafka's `Rate` over a `SampledStat` does it: sums in
//! windows of a second, of which the last eleven count.

use std::time::Duration;

/// `quota.window.num` and `quota.window.size.seconds`.
pub(super) const SAMPLES: usize = 11;
pub(super) const WINDOW: Duration = Duration::from_secs(1);

/// What came in one window.
#[derive(Debug, Clone, Copy)]
struct Sample {
    since: Duration,
    last: Duration,
    sum: f64,
}

/// The sums of the last windows.
#[derive(Debug, Default)]
pub(super) struct Rate {
    samples: Vec<Sample>,
    current: usize,
}

impl Rate {
    /// Notes `value` more.
    pub(super) fn record(&mut self, now: Duration, value: f64) {
        let fresh = Sample { since: now, last: now, sum: 0.0 };
        match self.samples.get(self.current) {
            None => self.samples.push(fresh),
            Some(sample) if now.saturating_sub(sample.since) >= WINDOW => {
                // One more than count, for the window that is only partly in the past.
                self.current = (self.current + 1) % (SAMPLES + 1);
                match self.samples.get_mut(self.current) {
                    Some(oldest) => *oldest = fresh,
                    None => self.samples.push(fresh),
                }
            }
            Some(_) => {}
        }
        if let Some(sample) = self.samples.get_mut(self.current) {
            sample.sum += value;
            sample.last = now;
        }
    }

    /// The time without more that would bring the rate down to `limit` a second: with O the rate
    /// over the time W, `(O - limit) / limit * W`.
    pub(super) fn excess(&mut self, now: Duration, limit: f64) -> Duration {
        for sample in &mut self.samples {
            if is_over(sample, now) {
                *sample = Sample { since: now, last: now, sum: 0.0 };
            }
        }
        let time = self.time(now).as_secs_f64();
        let rate = self.samples.iter().map(|sample| sample.sum).sum::<f64>() / time;
        if rate <= limit {
            return Duration::ZERO;
        }
        let ms = ((rate - limit) / limit * time * 1e3).round();
        Duration::from_millis(ms.min(f64::from(i32::MAX)) as u64)
    }

    /// Whether any of it still counts.
    pub(super) fn matters(&self, now: Duration) -> bool {
        self.samples.iter().any(|sample| !is_over(sample, now))
    }

    /// The time since the oldest window began. Windows that are not there yet count as empty, or
    /// the first requests would seem to come at an enormous rate.
    fn time(&self, now: Duration) -> Duration {
        let oldest = self.samples.iter().map(|sample| sample.since).min().unwrap_or(now);
        let elapsed = now.saturating_sub(oldest);
        let full = (elapsed.as_millis() / WINDOW.as_millis()) as usize;
        let missing = (SAMPLES - 1).saturating_sub(full) as u32;
        (elapsed + WINDOW * missing).max(Duration::from_millis(1))
    }
}

fn is_over(sample: &Sample, now: Duration) -> bool {
    now.saturating_sub(sample.last) >= WINDOW * SAMPLES as u32
}
