//! Looks at a running job: offsets from the brokers, metrics from the workers. Whatever cannot
//! be seen is left out and named; nothing here fails.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;

use crate::allocation::Observation;
use crate::clock::Clock;
use crate::crd::KafkaSource;

pub use histogram::Histogram;
pub use kafka::{CLIENT_ID, KafkaOffsets};
pub use offsets::{OffsetSource, Offsets, OffsetsError, PartitionOffsets};
pub use rates::{RateTracker, Rates};
pub use scrape::{ScrapeError, Scraper};
pub use workers::{WorkerTracker, WorkersView};

mod histogram;
mod kafka;
mod offsets;
pub mod prometheus;
mod rates;
mod scrape;
mod workers;

/// Annotation of a worker pod that names its metrics port.
pub const PORT_ANNOTATION: &str = "prometheus.io/port";
/// Longest that looking for a worker's metrics may take.
const SCRAPE_MAX: Duration = Duration::from_secs(1);
/// Shortest time that is still granted for it.
const SCRAPE_MIN: Duration = Duration::from_millis(150);
/// Workers looked at; more than any job may have.
const WORKERS_MAX: usize = 1000;

/// Looks at jobs. One for the whole operator.
pub struct Observer {
    offsets: Arc<dyn OffsetSource>,
    scraper: Scraper,
    clock: Clock,
}

/// What observing one job remembers. Bounded.
#[derive(Debug, Default)]
pub struct ObserverMemory {
    rates: RateTracker,
    workers: WorkerTracker,
}

/// One job to look at.
#[derive(Debug)]
pub struct Subject<'a> {
    /// Where its records come from.
    pub source: &'a KafkaSource,
    /// Its pods, ready or not.
    pub pods: &'a [Pod],
    /// Workers asked for at present.
    pub replicas: u32,
    /// Time between two looks.
    pub sync_period: Duration,
}

impl Observer {
    /// An observer that asks `offsets` for offsets.
    #[must_use]
    pub fn new(offsets: Arc<dyn OffsetSource>, clock: Clock) -> Self {
        Self { offsets, scraper: Scraper::new(), clock }
    }

    /// Looks at a job. Brokers and workers are asked at once; both have short limits of time.
    pub async fn observe(&self, job: &Subject<'_>, memory: &mut ObserverMemory) -> Observation {
        let targets = targets(job.pods);
        let patience = (job.sync_period / 2).clamp(SCRAPE_MIN, SCRAPE_MAX);
        let (offsets, samples) = futures::join!(
            self.offsets.offsets(job.source),
            self.scraper.scrape(&targets, patience)
        );
        let at = self.clock.now();
        let mut seen = Observation {
            at,
            replicas: job.replicas,
            ready_replicas: u32::try_from(targets.len()).unwrap_or(u32::MAX),
            ..Observation::default()
        };
        match offsets {
            Ok(offsets) => {
                let window = rate_window(job.sync_period);
                let rates = memory.rates.record(at, &offsets, window);
                seen.partitions = u32::try_from(offsets.partitions.len()).ok();
                seen.lag_records = Some(offsets.lag_records());
                seen.lag_time = rates.lag_time;
                seen.arrival_rate_per_s = rates.arrival_per_s;
                seen.arrival_rate_recent_per_s = rates.arrival_recent_per_s;
                seen.processed_rate_per_s = rates.processed_per_s;
            }
            Err(error) => seen.missing.push(format!("lag: {error}")),
        }
        let asked = samples.len();
        let mut answers = Vec::with_capacity(asked);
        let mut failure = None;
        for (target, result) in targets.iter().zip(samples) {
            match result {
                Ok(sample) => answers.push((target.pod.clone(), sample)),
                Err(error) => failure = Some(error),
            }
        }
        if let Some(error) = failure {
            let failed = asked - answers.len();
            seen.missing.push(format!("metrics of {failed} of {asked} workers: {error}"));
        }
        let view = memory.workers.record(at, answers);
        seen.busy_share = view.busy_share;
        seen.reports_busy_time = view.reports_busy_time;
        seen.service_time_s = view.service_time_s;
        seen.p99_latency = view.p99_latency;
        seen.processed_rate_per_s = seen.processed_rate_per_s.or(view.records_per_s);
        seen
    }
}

/// Rates are averaged over three looks: commits come in steps, and one look may fall between.
fn rate_window(sync_period: Duration) -> Duration {
    (sync_period * 3).clamp(Duration::from_millis(1500), Duration::from_mins(1))
}

/// A ready worker and where its metrics are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The pod's unique id, as [`pod_id`] gives it.
    pub pod: String,
    /// Address of the metrics endpoint, if the pod names a port.
    pub address: Option<SocketAddr>,
}

/// The ready workers among the pods, at most 1000.
#[must_use]
pub fn targets(pods: &[Pod]) -> Vec<Target> {
    pods.iter()
        .filter(|pod| is_ready(pod))
        .take(WORKERS_MAX)
        .map(|pod| Target { pod: pod_id(pod), address: address(pod) })
        .collect()
}

/// What tells a pod from every other, a later one of the same name included.
#[must_use]
pub fn pod_id(pod: &Pod) -> String {
    pod.uid().unwrap_or_else(|| pod.name_any())
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_deref());
    let ready = conditions
        .unwrap_or_default()
        .iter()
        .any(|condition| condition.type_ == "Ready" && condition.status == "True");
    ready && pod.metadata.deletion_timestamp.is_none()
}

fn address(pod: &Pod) -> Option<SocketAddr> {
    let port: u16 = pod.annotations().get(PORT_ANNOTATION)?.parse().ok()?;
    let ip: IpAddr = pod.status.as_ref()?.pod_ip.as_deref()?.parse().ok()?;
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests;
