//! The load of a trial: driver, collector and sampler side by side, then the drain.

use super::audit::{self, AuditPlan};
use super::collector::{CollectorPlan, CollectorReport, Live, collect};
use super::driver::{DriverPlan, DriverReport, drive};
use super::interval_log::IntervalLog;
use super::outlook::Outlook;
use super::sampler::{Sampler, Samples};
use super::service::{self, ServiceTimes};
use super::{Phases, TrialError, TrialPlan, alarms, signs};
use crate::clock::Anchor;
use crate::environment::{Environment, RESULT_TOPIC, SOURCE_TOPIC};
use crate::oracle::{Ledger, SourceLog};
use crate::progress::Progress;
use crate::upstream::{self, Upstream};
use results::Guarantee;
use results::detection::Alarm;
use results::recovery::Sign;
use results::report::format::counted;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How often the end of the drain is looked for.
const DRAIN_LOOK_EVERY: Duration = Duration::from_millis(50);
/// Time after the drain in which late repetitions are still seen.
const LINGER: Duration = Duration::from_millis(1000);

/// The log of response times, in the trial's folder.
const LOG_FILE: &str = "response.hlog";

/// What a load left behind.
pub(crate) struct Loaded {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) driver: DriverReport,
    pub(crate) collector: CollectorReport,
    /// The source log, where the scenario has it read.
    pub(crate) log: Option<SourceLog>,
    pub(super) samples: Samples,
    /// What the operator said was wrong.
    pub(crate) alarms: Vec<Alarm>,
    /// Signs that the environment noticed something.
    pub(crate) signs: Vec<Sign>,
    /// Load start to the last message sent, and to the end of the drain.
    pub(crate) sent_after: Duration,
    pub(crate) drained_after: Duration,
    /// What spoiled the trial, a sentence each.
    pub(crate) spoiled: Vec<String>,
}

/// Offers the whole load and waits for its results.
pub(super) async fn run(
    plan: &TrialPlan,
    environment: &dyn Environment,
    upstream: &Upstream,
    outlook: &Outlook<'_>,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Result<Loaded, TrialError> {
    let (workload, anchor) = (&plan.scenario.workload, upstream.anchor);
    let mut ledger = Ledger::new(workload.total());
    if upstream::repeats(&plan.scenario.spec) {
        ledger = ledger.with_repeats();
    }
    let ledger = Arc::new(ledger);
    let live = Live::new(plan.scenario.spec.environment.partitions);
    let stop_driver = Arc::new(AtomicBool::new(false));
    let collector = spawn_collector(plan, upstream, &outlook.phases, &ledger, &live)?;
    let linger = environment.pace().linger;
    let driver = spawn_driver(plan, upstream, linger, &ledger, &stop_driver)?;
    let service = Arc::new(ServiceTimes::default());
    // A task of its own, so that rows need not wait for workers; dropping the set ends it.
    let mut side = JoinSet::new();
    side.spawn(service::watch(environment.kube(), anchor, Arc::clone(&service)));
    let sampler = Sampler {
        environment,
        workload,
        ledger: Arc::clone(&ledger),
        live: Arc::clone(&live),
        service,
        anchor,
        outlook,
        progress,
        strategy: plan.strategy.as_str(),
        yardsticks: plan.yardsticks(),
        keep_source: plan.scenario.spec.delivery.audit,
    };
    let mut response_log =
        IntervalLog::create(&plan.directory.join(LOG_FILE), &plan.name(), anchor.unix_us());
    let stop_sampler = CancellationToken::new();
    let script = async {
        progress.phase("load");
        until_sent(&driver, &stop_driver, cancel).await;
        let sent_after = anchor.elapsed();
        progress.phase("drain");
        let limit = plan.scenario.spec.drain + environment.pace().drain_grace;
        drain(limit, &ledger, cancel).await;
        let drained_after = anchor.elapsed();
        tokio::time::sleep(LINGER).await;
        stop_sampler.cancel();
        (sent_after, drained_after)
    };
    let ((sent_after, drained_after), mut samples, signs, alarms) = tokio::join!(
        script,
        sampler.run(&mut response_log, &stop_sampler),
        signs::watch(environment, anchor, &stop_sampler),
        alarms::watch(environment, anchor, &stop_sampler),
    );
    drop(side);
    let ends = live.ends.get_or_init(|| result_ends(plan, environment, cancel));
    let driver = join(driver, "driver").await?;
    let mut collector = join(collector, "collector").await?;
    collector.oracle.ended(ends);
    let mut spoiled = environment.defects();
    // What was read after the last row.
    let rest = live.take_interval();
    samples.response.merge(&rest.all());
    response_log.append(anchor.elapsed(), &rest);
    if let Err(error) = response_log.finish() {
        spoiled.push(format!("{LOG_FILE} could not be written: {error}."));
    }
    if collector.unreadable > 0 {
        spoiled
            .push(format!("{} of results failed for good.", counted(collector.unreadable, "read")));
    }
    let log = audited(plan, environment, &mut spoiled).await?;
    Ok(Loaded {
        ledger,
        driver,
        collector,
        log,
        samples,
        alarms,
        signs,
        sent_after,
        drained_after,
        spoiled,
    })
}

/// How far the collector has to read: nowhere where markers of transactions lie at the end, or
/// somebody does not want to wait.
fn result_ends(
    plan: &TrialPlan,
    environment: &dyn Environment,
    cancel: &CancellationToken,
) -> Vec<i64> {
    let has_markers = plan.scenario.spec.delivery.processing == Guarantee::ExactlyOnce;
    if has_markers || cancel.is_cancelled() { Vec::new() } else { environment.result_ends() }
}

/// Reads the source log if the scenario asks for it; without it the trial proves nothing.
async fn audited(
    plan: &TrialPlan,
    environment: &dyn Environment,
    spoiled: &mut Vec<String>,
) -> Result<Option<SourceLog>, TrialError> {
    if !plan.scenario.spec.delivery.audit {
        return Ok(None);
    }
    let audit = AuditPlan {
        bootstrap: environment.bootstrap(),
        topic: SOURCE_TOPIC.to_owned(),
        partitions: environment.source_partitions(),
        trial: plan.tag(),
        planned: plan.scenario.workload.total(),
    };
    let read = tokio::task::spawn_blocking(move || audit::read(&audit))
        .await
        .map_err(|error| TrialError::internal("audit", error))?;
    Ok(read.map_err(|error| spoiled.push(format!("The audit failed: {error}."))).ok())
}

type Outcome<T> = JoinHandle<Result<T, rdkafka::error::KafkaError>>;

fn spawn_driver(
    plan: &TrialPlan,
    upstream: &Upstream,
    linger: Duration,
    ledger: &Arc<Ledger>,
    stop: &Arc<AtomicBool>,
) -> Result<Outcome<DriverReport>, TrialError> {
    let mut client = plan.scenario.spec.delivery.acks.client_settings();
    client.push(("linger.ms".to_owned(), linger.as_millis().to_string()));
    let driver = DriverPlan {
        bootstrap: upstream.bootstrap.clone(),
        topic: SOURCE_TOPIC.to_owned(),
        workload: plan.scenario.workload.clone(),
        seed: plan.seed,
        trial: plan.tag(),
        anchor: upstream.anchor,
        client,
        grows: upstream::grows(&plan.scenario.spec),
        tampering: Arc::clone(&upstream.tampering),
        published: None,
        bug: plan.scenario.spec.harness_bug(),
    };
    let (ledger, stop) = (Arc::clone(ledger), Arc::clone(stop));
    thread::Builder::new()
        .name("driver".to_owned())
        .spawn(move || drive(&driver, &ledger, &stop))
        .map_err(|error| TrialError::internal("start the driver", error))
}

fn spawn_collector(
    plan: &TrialPlan,
    upstream: &Upstream,
    phases: &Arc<Phases>,
    ledger: &Arc<Ledger>,
    live: &Arc<Live>,
) -> Result<Outcome<CollectorReport>, TrialError> {
    let collector = CollectorPlan {
        bootstrap: upstream.bootstrap.clone(),
        topic: RESULT_TOPIC.to_owned(),
        partitions: plan.scenario.spec.environment.partitions,
        trial: plan.tag(),
        guarantee: plan.scenario.spec.delivery.processing,
        arrival: plan.scenario.workload.arrival().clone(),
        keys: upstream::keys(&plan.scenario.spec, &plan.scenario.workload),
        symbols: plan.scenario.workload.symbols(),
        strays: Some(Arc::clone(&upstream.strays)),
        anchor: upstream.anchor,
        phases: Arc::clone(phases),
        bug: plan.scenario.spec.harness_bug(),
    };
    let (ledger, live) = (Arc::clone(ledger), Arc::clone(live));
    thread::Builder::new()
        .name("collector".to_owned())
        .spawn(move || collect(&collector, &ledger, &live))
        .map_err(|error| TrialError::internal("start the collector", error))
}

/// Waits until the driver has ended, and asks it to end on cancellation.
async fn until_sent(driver: &Outcome<DriverReport>, stop: &AtomicBool, cancel: &CancellationToken) {
    while !driver.is_finished() {
        if cancel.is_cancelled() {
            stop.store(true, Ordering::Relaxed);
        }
        tokio::time::sleep(DRAIN_LOOK_EVERY).await;
    }
}

/// Waits until nothing acknowledged is missing, for `limit` at most.
async fn drain(limit: Duration, ledger: &Ledger, cancel: &CancellationToken) {
    let limit = Anchor::ahead(limit);
    while ledger.missing().next().is_some() && limit.elapsed_ns() < 0 && !cancel.is_cancelled() {
        tokio::time::sleep(DRAIN_LOOK_EVERY).await;
    }
}

async fn join<T: Send + 'static>(handle: Outcome<T>, who: &'static str) -> Result<T, TrialError> {
    let outcome = tokio::task::spawn_blocking(move || handle.join())
        .await
        .map_err(|error| TrialError::internal(who, error))?;
    match outcome {
        Ok(result) => result.map_err(|error| TrialError::internal(who, error)),
        Err(_) => Err(TrialError::internal(who, "its thread panicked")),
    }
}
