//! Network actions as rules of the proxies: installed, proven by counters, removed.

use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;

use super::rules::{Direction, Effect, Rule, RuleCounters, RuleId, Rules};
use crate::clock;
use crate::injector::{Installed, Targets};

/// How long after the removal of a rule its last bytes are on their way at the latest.
const RELEASE: Duration = Duration::from_millis(10);

/// Installs a rule between these clients and brokers that expires after `limit`.
pub fn inject(
    rules: &Rules,
    targets: &Targets,
    (direction, effect): (Direction, Effect),
    limit: Duration,
) -> Box<dyn Installed> {
    let id = rules.install(Rule {
        clients: targets.clients.iter().cloned().collect(),
        brokers: targets.brokers.iter().cloned().collect(),
        direction,
        effect,
        expires: clock::now() + limit,
    });
    Box::new(InstalledRule { rules: rules.clone(), id, effect })
}

struct InstalledRule {
    rules: Rules,
    id: RuleId,
    effect: Effect,
}

impl Installed for InstalledRule {
    fn evidence(&mut self) -> BoxFuture<'_, Option<String>> {
        async { proof(&self.effect, &self.rules.counters(&self.id)) }.boxed()
    }

    fn heal(&mut self) -> BoxFuture<'_, Result<String, String>> {
        async {
            self.rules.remove(&self.id);
            tokio::time::sleep(RELEASE).await;
            Ok(summary(&self.effect, &self.rules.counters(&self.id)))
        }
        .boxed()
    }
}

impl Drop for InstalledRule {
    fn drop(&mut self) {
        self.rules.remove(&self.id);
    }
}

/// The sentence that proves the effect, if the counters bear it out.
fn proof(effect: &Effect, counters: &RuleCounters) -> Option<String> {
    let first = counters.first_effect?;
    let shown = match effect {
        Effect::Hold => counters.bytes_held > 0,
        Effect::Delay { delay, jitter, .. } => {
            Duration::from_micros(counters.delay_us_max) >= delay.saturating_sub(*jitter)
        }
    };
    let summary = summary(effect, counters);
    shown.then(|| format!("{summary}, first after {:.1} ms", first.as_secs_f64() * 1e3))
}

fn summary(effect: &Effect, counters: &RuleCounters) -> String {
    let RuleCounters { connections, chunks, bytes_held, bytes_delayed, .. } = *counters;
    match effect {
        Effect::Hold => {
            let mut sentence = format!("{bytes_held} bytes of {connections} connections held back");
            if counters.held_us_max > 0 {
                let longest_ms = counters.held_us_max as f64 / 1e3;
                sentence.push_str(&format!(" for up to {longest_ms:.1} ms"));
            }
            if counters.bytes_abandoned > 0 {
                let abandoned = counters.bytes_abandoned;
                sentence.push_str(&format!(", {abandoned} abandoned by their clients"));
            }
            sentence
        }
        Effect::Delay { .. } => {
            let mean_ms = counters.delay_us_total as f64 / 1e3 / chunks.max(1) as f64;
            let longest_ms = counters.delay_us_max as f64 / 1e3;
            format!(
                "{bytes_delayed} bytes of {connections} connections late by {mean_ms:.1} ms \
                 in the mean and {longest_ms:.1} ms at most"
            )
        }
    }
}
