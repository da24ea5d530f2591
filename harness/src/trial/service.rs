//! Service times, as the workers count them: asked for once a second, on the side.
//!
//! Workers report a histogram with doubling buckets, and one that is killed takes what it counted
//! since the last look with it. That is good for the p99 of a second, but not for a histogram of
//! the whole trial to three digits; so rows of the series have it, and the record has no total.

use crate::clock::Anchor;
use crate::environment::{JOB, NAMESPACE};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use operator::observe::{Histogram, Scraper, pod_id, targets};
use operator::reconcile::build::selector;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A look comes this long before the end of a row, to be over by then.
const BEFORE_ROW: Duration = Duration::from_millis(300);
/// Longest that listing the pods, and then asking a worker, may take.
const PATIENCE: Duration = Duration::from_millis(200);

/// What the workers have counted since the last row.
#[derive(Debug, Default)]
pub(super) struct ServiceTimes {
    untaken: Mutex<Histogram>,
}

impl ServiceTimes {
    /// 99th percentile in milliseconds of what was told since the last call; absent when that
    /// is nothing or too little.
    pub(super) fn take_p99_ms(&self) -> Option<f64> {
        let mut untaken = self.untaken.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *untaken).quantile(0.99).map(|p99| p99.as_secs_f64() * 1e3)
    }

    fn add(&self, gained: &Histogram) {
        self.untaken.lock().unwrap_or_else(PoisonError::into_inner).merge(gained);
    }
}

/// Asks the job's ready workers once a second, for as long as it is polled. What cannot be asked
/// is passed over in silence: most likely a fault is at work, or the worker has no such metric.
pub(super) async fn watch(client: kube::Client, anchor: Anchor, times: Arc<ServiceTimes>) {
    let pods: Api<Pod> = Api::namespaced(client, NAMESPACE);
    let workers = ListParams::default().labels(&selector(JOB));
    let scraper = Scraper::new();
    let mut counted = Counted::default();
    let first = Instant::from_std(anchor.instant() + LOOK_EVERY - BEFORE_ROW);
    let mut timer = interval_at(first, LOOK_EVERY);
    timer.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        timer.tick().await;
        let Ok(Ok(pods)) = timeout(PATIENCE, pods.list(&workers)).await else { continue };
        times.add(&look(&scraper, &pods.items, &mut counted).await);
    }
}

/// What the ready ones among `pods` have counted since they last answered.
async fn look(scraper: &Scraper, pods: &[Pod], counted: &mut Counted) -> Histogram {
    counted.forget_all_but(pods.iter().map(pod_id).collect());
    let targets = targets(pods);
    let answers = scraper.scrape(&targets, PATIENCE).await;
    let mut gained = Histogram::default();
    for (target, answer) in targets.into_iter().zip(answers) {
        if let Ok(sample) = answer {
            gained.merge(&counted.take_in(target.pod, sample.service));
        }
    }
    gained
}

/// What each pod had counted when it last answered: of pods that exist, so it is bounded.
#[derive(Debug, Default)]
struct Counted {
    last: HashMap<String, Histogram>,
}

impl Counted {
    /// What a pod has counted since it last answered. All that a new one has counted is new:
    /// every trial has its own workers, and they have nothing to serve before its load.
    fn take_in(&mut self, pod: String, now: Histogram) -> Histogram {
        if now.is_empty() {
            return now;
        }
        let gained = match self.last.get(&pod) {
            Some(before) => now.gained_since(before),
            None => now.clone(),
        };
        self.last.insert(pod, now);
        gained
    }

    /// Forgets pods that exist no more. One that is only silent is kept: it may come back, and
    /// what it told before must not count twice.
    fn forget_all_but(&mut self, existing: HashSet<String>) {
        self.last.retain(|pod, _| existing.contains(pod));
    }
}

#[cfg(test)]
mod tests;
