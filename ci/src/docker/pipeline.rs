//! What our driver and our collector reach, as a trial has them.

use super::load::{Load, Settings};
use super::topic::{PARTITIONS, Topic};
use crate::micro::{now, wait_until};
use anyhow::anyhow;
use harness::clock::Anchor;
use harness::trial::Live;
use results::Latencies;
use std::thread;
use std::time::Duration;

/// Messages that may wait in the driver's client, about as many as in the tool's: a driver gives up
/// those that are not acknowledged some seconds after the last was sent.
const WAITING_MAX: (&str, &str) = ("queue.buffering.max.messages", "60000");
/// Time between two looks at what happens at a fixed rate: as OpenMessaging Benchmark has it.
const PERIOD: Duration = Duration::from_secs(10);
/// Time that clients have to connect before a load at a fixed rate starts.
const LEAD: Duration = Duration::from_secs(1);

/// What happened at a fixed rate in some seconds.
#[derive(Debug, Clone, Copy)]
pub struct Period {
    /// Messages acknowledged a second.
    pub per_s: f64,
    /// Send to acknowledgement at p50 and p99, in milliseconds.
    pub publish_ms: [f64; 2],
    /// Send to arrival at the consumer at p50 and p99, in milliseconds.
    pub end_to_end_ms: [f64; 2],
}

/// Messages a second by which so many are sent as fast as they are taken, from the start of the
/// driver to the last acknowledgement; and what was sent.
///
/// # Errors
/// When the driver fails, or a message is not acknowledged.
pub fn produce(topic: &Topic, messages: u64, settings: &Settings) -> anyhow::Result<(f64, Load)> {
    let load = Load::unthrottled(messages)?;
    let mut settings = settings.clone();
    settings.push((WAITING_MAX.0.to_owned(), WAITING_MAX.1.to_owned()));
    let start = now();
    load.drive(topic, &settings, None)?;
    Ok((messages as f64 / start.elapsed().as_secs_f64(), load))
}

/// Messages a second by which a new collector reads and checks what was sent.
///
/// # Errors
/// When it fails, or does not find all of it.
pub fn consume(topic: &Topic, sent: &Load) -> anyhow::Result<f64> {
    let took = sent.collect(topic, &Live::new(PARTITIONS))?;
    Ok(sent.messages() as f64 / took.as_secs_f64())
}

/// Sends at a fixed rate and reads beside it, for some periods of ten seconds after a first one in
/// which all warms up.
///
/// # Errors
/// When a client fails or messages are missing in the end.
pub fn paced(
    topic: &Topic,
    rate_per_s: u64,
    periods: u32,
    settings: &Settings,
) -> anyhow::Result<Vec<Period>> {
    let anchor = Anchor::ahead(LEAD);
    let load = Load::paced(rate_per_s, PERIOD * (periods + 1), anchor)?;
    let (published, live) = (load.published(), Live::new(PARTITIONS));
    thread::scope(|scope| {
        let driver = scope.spawn(|| load.drive(topic, settings, Some(published.clone())));
        let collector = scope.spawn(|| load.collect(topic, &live));
        let seen = (1..=periods + 1).map(|period| {
            wait_until(anchor.instant() + PERIOD * period);
            Period::of(&published.take(), &live.take_interval().all())
        });
        let seen: Vec<_> = seen.skip(1).collect();
        driver.join().map_err(|_| anyhow!("the driver panicked"))??;
        collector.join().map_err(|_| anyhow!("the collector panicked"))??;
        Ok(seen)
    })
}

impl Period {
    fn of(published: &Latencies, response: &Latencies) -> Self {
        let ms = |times: &Latencies, quantile| times.quantile_ms(quantile).unwrap_or(f64::NAN);
        let both = |times| [0.5, 0.99].map(|quantile| ms(times, quantile));
        Self {
            per_s: published.count() as f64 / PERIOD.as_secs_f64(),
            publish_ms: both(published),
            end_to_end_ms: both(response),
        }
    }

    /// What is typical of some periods: the median of each figure.
    pub fn typical(periods: &[Self]) -> Self {
        let over = |figure: &dyn Fn(&Self) -> f64| {
            let figures: Vec<f64> = periods.iter().map(figure).collect();
            results::statistics::median(&figures).unwrap_or(f64::NAN)
        };
        Self {
            per_s: over(&|period| period.per_s),
            publish_ms: [0, 1].map(|at| over(&|period| period.publish_ms[at])),
            end_to_end_ms: [0, 1].map(|at| over(&|period| period.end_to_end_ms[at])),
        }
    }
}
