//! The sampler: one row a second of rates, latencies, lag and workers; and the job's decisions.

use super::collector::Live;
use super::interval_log::IntervalLog;
use super::machine::MachineTicks;
use super::outlook::Outlook;
use super::service::ServiceTimes;
use super::stalls::Watch;
use crate::clock::Anchor;
use crate::environment::{Environment, JOB, NAMESPACE};
use crate::oracle::Ledger;
use crate::progress::{Progress, Tick};
use k8s_openapi::api::apps::v1::Deployment;
use kube::Api;
use operator::crd::StreamingJob;
use results::recovery::Stall;
use results::series::{Gauges, Totals, Yardsticks};
use results::{Decision, Latencies, SeriesBuilder, SeriesRow};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use workloads::Workload;

/// Time between two looks at the workers; a row is every fourth.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const LOOKS_PER_ROW: u32 = 4;

/// What the sampler saw by the end.
#[derive(Debug)]
pub(super) struct Samples {
    pub(super) series: Vec<SeriesRow>,
    pub(super) decisions: Vec<Decision>,
    pub(super) worker_seconds: f64,
    pub(super) stalls: Vec<Stall>,
    /// Response times of every row.
    pub(super) response: Latencies,
}

/// Samples a trial until told to stop.
pub(super) struct Sampler<'a> {
    pub(super) environment: &'a dyn Environment,
    pub(super) workload: &'a Workload,
    pub(super) ledger: Arc<Ledger>,
    pub(super) live: Arc<Live>,
    pub(super) service: Arc<ServiceTimes>,
    pub(super) anchor: Anchor,
    /// Told of the workers.
    pub(super) outlook: &'a Outlook<'a>,
    pub(super) progress: &'a Progress,
    pub(super) strategy: &'static str,
    /// What the rows are held against.
    pub(super) yardsticks: Yardsticks,
    /// Whether the source log is still to be read when the load is over.
    pub(super) keep_source: bool,
}

/// Workers at one moment.
#[derive(Debug, Clone, Copy, Default)]
struct Workers {
    existing: u32,
    wanted: u32,
    ready: u32,
}

impl Sampler<'_> {
    /// Samples until `stop`.
    pub(super) async fn run(&self, log: &mut IntervalLog, stop: &CancellationToken) -> Samples {
        let start = tokio::time::Instant::from_std(self.anchor.instant());
        let mut timer = tokio::time::interval_at(start, LOOK_EVERY);
        timer.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut trace = Trace::new(self, log);
        let mut looks = 0;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = timer.tick() => {}
            }
            trace.look().await;
            looks += 1;
            if looks > 1 && looks % LOOKS_PER_ROW == 1 {
                trace.row();
            }
        }
        trace.look().await;
        trace.row();
        trace.finish()
    }
}

/// What a sampler keeps from look to look.
struct Trace<'a> {
    sampler: &'a Sampler<'a>,
    builder: SeriesBuilder,
    deployments: Api<Deployment>,
    jobs: Api<StreamingJob>,
    workers: Workers,
    looked_s: f64,
    worker_seconds: f64,
    decisions: Vec<Decision>,
    ticks: Option<MachineTicks>,
    response: Latencies,
    log: &'a mut IntervalLog,
    progress: Watch,
}

impl<'a> Trace<'a> {
    fn new(sampler: &'a Sampler<'a>, log: &'a mut IntervalLog) -> Self {
        let client = sampler.environment.kube();
        Self {
            sampler,
            builder: SeriesBuilder::new(sampler.yardsticks),
            deployments: Api::namespaced(client.clone(), NAMESPACE),
            jobs: Api::namespaced(client, NAMESPACE),
            workers: Workers::default(),
            looked_s: 0.0,
            worker_seconds: 0.0,
            decisions: Vec::new(),
            ticks: MachineTicks::read(),
            response: Latencies::new(),
            log,
            progress: Watch::default(),
        }
    }

    /// Looks at the workers; a control plane that does not answer leaves the last known state.
    async fn look(&mut self) {
        self.watch_progress();
        // Workers are paid for by the load; the drain after it has no rate to relate them to.
        let load = self.sampler.workload.load();
        let now_s = self.sampler.anchor.elapsed().min(load).as_secs_f64();
        self.worker_seconds += (now_s - self.looked_s) * f64::from(self.workers.existing);
        self.looked_s = now_s;
        let Ok(deployment) = self.deployments.get(JOB).await else { return };
        let wanted = deployment.spec.and_then(|spec| spec.replicas).unwrap_or(1);
        let status = deployment.status.unwrap_or_default();
        let count = |value: i32| u32::try_from(value).unwrap_or(0);
        let now = Workers {
            existing: count(status.replicas.unwrap_or(0)),
            wanted: count(wanted),
            ready: count(status.ready_replicas.unwrap_or(0)),
        };
        let before = self.workers.wanted;
        self.workers = now;
        self.sampler.outlook.note_replicas(now.existing);
        if self.decisions.is_empty() || now.wanted != before {
            let at_s = self.sampler.anchor.elapsed().as_secs_f64();
            self.decide(at_s, before, now.wanted).await;
        }
    }

    fn watch_progress(&mut self) {
        let elapsed = self.sampler.anchor.elapsed();
        let offered = due_by(self.sampler.workload, elapsed);
        let observed = self.sampler.live.observed.load(std::sync::atomic::Ordering::Relaxed);
        self.progress.look(elapsed.as_secs_f64(), offered, observed);
    }

    /// Notes a change of the wanted workers with the operator's own reason for it.
    async fn decide(&mut self, now_s: f64, from: u32, to: u32) {
        let first = self.decisions.is_empty();
        let reason = match self.jobs.get(JOB).await {
            Ok(job) => latest_reason(&job, to),
            Err(_) => None,
        };
        self.decisions.push(Decision {
            t_s: if first { 0.0 } else { now_s },
            from: if first { to } else { from },
            to,
            strategy: self.sampler.strategy.to_owned(),
            reason: reason.unwrap_or_else(|| "not told by the operator".to_owned()),
        });
    }

    /// Ends a row and shows it.
    fn row(&mut self) {
        let sampler = self.sampler;
        let elapsed = sampler.anchor.elapsed();
        let interval = sampler.live.take_interval();
        self.log.append(elapsed, &interval);
        let response = interval.all();
        let ticks = MachineTicks::read();
        let cpu_share = ticks.zip(self.ticks).and_then(|(now, before)| now.share_since(before));
        self.ticks = ticks;
        let totals = Totals {
            offered: due_by(sampler.workload, elapsed),
            achieved: sampler.ledger.counts().acknowledged,
            observed: sampler.live.observed.load(std::sync::atomic::Ordering::Relaxed),
        };
        let gauges = Gauges {
            lag_records: Some(sampler.environment.lag_records()),
            replicas: self.workers.existing,
            desired_replicas: self.workers.wanted,
            ready_replicas: self.workers.ready,
            service_p99_ms: sampler.service.take_p99_ms(),
            cpu_share,
        };
        self.response.merge(&response);
        match self.builder.tick(elapsed.as_secs_f64(), totals, gauges, &response) {
            Ok(row) => {
                let tick = Tick {
                    elapsed,
                    duration: sampler.workload.load(),
                    offered: row.offered,
                    achieved: row.achieved,
                    p99_ms: self.response.quantile_ms(0.99),
                    lag_records: row.lag_records.unwrap_or(0),
                    workers: row.ready_replicas,
                    wanted: row.desired_replicas,
                };
                sampler.progress.tick(&tick);
            }
            Err(error) => tracing::debug!(%error, "row left out"),
        }
        if !sampler.keep_source {
            sampler.environment.trim_source();
        }
        sampler.environment.trim_results(&sampler.live.positions());
    }

    fn finish(self) -> Samples {
        Samples {
            series: self.builder.finish(),
            decisions: self.decisions,
            worker_seconds: self.worker_seconds,
            stalls: self.progress.finish(),
            response: self.response,
        }
    }
}

/// Messages of the schedule that are due by now.
pub(super) fn due_by(workload: &Workload, elapsed: Duration) -> u64 {
    let elapsed_ns = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX);
    workload.arrival().due_by_ns(elapsed_ns).min(workload.total())
}

/// The reason of the newest decision for `replicas` workers.
fn latest_reason(job: &StreamingJob, replicas: u32) -> Option<String> {
    let decisions = &job.status.as_ref()?.decisions;
    decisions
        .iter()
        .rev()
        .find(|decision| i64::from(decision.to) == i64::from(replicas))
        .map(|d| d.reason.clone())
}
