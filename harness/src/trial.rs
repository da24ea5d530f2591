//! One trial: one scenario, one strategy, one seed; gives one run record.

mod accounts;
mod alarms;
mod audit;
pub(crate) mod collector;
pub(crate) mod driver;
mod interval_log;
mod job;
mod load;
mod machine;
mod outlook;
mod phases;
pub(crate) mod reader;
mod record;
mod recovery;
mod sampler;
mod service;
mod signs;
mod slowed;
mod stalls;

pub(crate) use collector::stamp_of;
pub use collector::{CollectorPlan, CollectorReport, Live, collect};
pub use driver::{BATCH_BYTES, DriverPlan, DriverReport, Published, drive};
pub use machine::Usage;
pub use phases::Phases;
pub(crate) use slowed::check as check_variables;

use crate::clock::{self, Anchor};
use crate::conformance::{self, Conformance};
use crate::environment::{Environment, EnvironmentError, Place};
use crate::progress::Progress;
use crate::scenario::ValidatedScenario;
use crate::scenario::spec::StrategyName;
use crate::upstream::Upstream;
use crate::upstream::injector::TrialInjector;
use crate::upstream::strays::Strays;
use crate::upstream::tampering::Tampering;
use chaos::{FaultOutcome, Journal, Keeper, PlannedFault};
use load::Loaded;
use outlook::Outlook;
use results::Demand;
use results::elasticity::UTILISATION_TARGET;
use results::series::Yardsticks;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Time from the last preparation to the first message.
const LEAD: Duration = Duration::from_millis(300);

/// What is tried.
#[derive(Debug, Clone)]
pub struct TrialPlan {
    /// Where it runs.
    pub place: Place,
    /// The scenario.
    pub scenario: Arc<ValidatedScenario>,
    /// The strategy.
    pub strategy: StrategyName,
    /// Number of the repetition, from 1.
    pub repetition: u32,
    /// Seed of this trial: equal for all strategies of a repetition.
    pub seed: u64,
    /// Name of the run that the trial belongs to.
    pub run: String,
    /// Folder for the trial's logs.
    pub directory: PathBuf,
    /// The command line that runs this trial alone.
    pub replay: String,
}

impl TrialPlan {
    /// Name of the trial within its run.
    pub fn name(&self) -> String {
        let scenario = &self.scenario.spec.name;
        format!("{scenario}-{}-{}", self.strategy.as_str(), self.repetition)
    }

    /// The fault schedule with its static selectors resolved.
    pub fn faults(&self) -> Vec<PlannedFault> {
        self.scenario.schedule.resolve(self.seed)
    }

    /// What turns offered load into workers: the service time that the scenario declares for the
    /// reference worker. That of a worker of the user's own is not known.
    fn demand(&self) -> Option<Demand> {
        let worker = &self.scenario.spec.job.worker;
        let service: workloads::worker::ServiceTime = worker.service_time.parse().ok()?;
        let mean_service_s = service.mean().as_secs_f64();
        let demand = Demand { mean_service_s, utilisation: UTILISATION_TARGET };
        worker.command.is_none().then_some(demand)
    }

    /// What the observed is held against.
    fn yardsticks(&self) -> Yardsticks {
        Yardsticks { objective_us: Some(self.objective_us()), demand: self.demand() }
    }

    /// The job's objective for the response p99, in microseconds.
    fn objective_us(&self) -> u64 {
        let objective = self.scenario.spec.job.objectives.p99_latency;
        u64::try_from(objective.as_micros()).unwrap_or(u64::MAX)
    }

    /// Tag in the stamps of this trial: a result of another trial is told apart by it.
    fn tag(&self) -> u32 {
        let text = format!("{}/{}/{}", self.run, self.name(), self.seed);
        let digest = <sha2::Sha256 as sha2::Digest>::digest(text.as_bytes());
        u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
    }
}

/// Why a trial has no record.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The environment could not be got ready.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// The harness itself failed.
    #[error("{step}: {reason}")]
    Internal {
        /// What was being done.
        step: &'static str,
        /// Why it failed.
        reason: String,
    },
}

impl TrialError {
    pub(crate) fn internal(step: &'static str, reason: impl std::fmt::Display) -> Self {
        Self::Internal { step, reason: reason.to_string() }
    }
}

/// Runs a trial. On cancellation every fault is healed and the record says how far it came.
///
/// # Errors
/// When the environment cannot be got ready or the harness itself fails. Everything that was
/// started has been stopped by then.
pub async fn run(
    plan: &TrialPlan,
    journal: &Journal,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Result<results::RunRecord, TrialError> {
    let started_at = clock::rfc3339();
    let usage = Usage::start();
    let act = async |environment: &dyn Environment| {
        under_load(plan, environment, journal, progress, cancel).await
    };
    let (loaded, environment) = staged(plan, journal, progress, cancel, act).await?;
    progress.phase("verify");
    Ok(record::build(plan, &started_at, environment, loaded, &usage, cancel.is_cancelled()))
}

/// Holds injectors against what they promise, over the load of a scenario without its faults.
///
/// # Errors
/// As for [`run`].
pub async fn conform(
    plan: &TrialPlan,
    samples: &[PlannedFault],
    journal: &Journal,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Result<Vec<Conformance>, TrialError> {
    let act = async |environment: &dyn Environment| {
        let over = CancellationToken::new();
        let anchor = Anchor::ahead(LEAD);
        let upstream = upstream(plan, environment, anchor);
        let keeper = keeper(environment, &upstream);
        let held = async {
            let held =
                conformance::hold(environment, Arc::clone(&keeper), samples, progress, cancel)
                    .await;
            keeper.close().await;
            over.cancel();
            held
        };
        let outlook = Outlook::new(plan, environment, anchor, &plan.faults());
        let load = load::run(plan, environment, &upstream, &outlook, progress, &over);
        let (held, load) = tokio::join!(held, load);
        load.map(|_| held)
    };
    staged(plan, journal, progress, cancel, act).await.map(|(held, _)| held)
}

/// Starts an environment with its job, lets something happen there, and takes everything away.
async fn staged<T>(
    plan: &TrialPlan,
    journal: &Journal,
    progress: &Progress,
    cancel: &CancellationToken,
    act: impl AsyncFnOnce(&dyn Environment) -> Result<T, TrialError>,
) -> Result<(T, results::Environment), TrialError> {
    progress.phase("set-up");
    std::fs::create_dir_all(&plan.directory)
        .map_err(|error| TrialError::internal("create the trial's folder", error))?;
    let environment = plan.place.start(&plan.scenario, plan.seed, &plan.directory).await?;
    let accounts = accounts::keep(environment.processes(), journal);
    let acted = match job::start(plan, environment.as_ref(), cancel).await {
        Ok(()) => act(environment.as_ref()).await,
        Err(error) => Err(error),
    };
    progress.phase("clean-up");
    let mut description = environment.describe();
    slowed::add_to(&mut description.settings, &plan.scenario.spec);
    environment.shutdown().await;
    accounts.close().await;
    Ok((acted?, description))
}

/// Runs load and faults side by side.
async fn under_load(
    plan: &TrialPlan,
    environment: &dyn Environment,
    journal: &Journal,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Result<Measured, TrialError> {
    let anchor = Anchor::ahead(LEAD);
    let upstream = upstream(plan, environment, anchor);
    let keeper = keeper(environment, &upstream);
    let start = tokio::time::Instant::from_std(anchor.instant());
    let plays = plan.faults();
    let outlook = Outlook::new(plan, environment, anchor, &plays);
    let reading = || outlook.reading();
    let show = |event| {
        outlook.phases.follow(&event);
        progress.fault(&event);
    };
    let cancelled = cancel.clone();
    let faults = chaos::conduct(plays, keeper.as_ref(), journal, start, cancelled, &reading, &show);
    let load = load::run(plan, environment, &upstream, &outlook, progress, cancel);
    let (faults, load) = tokio::join!(faults, load);
    keeper.close().await;
    Ok(Measured { load: load?, faults, phases: outlook.phases.ends() })
}

/// What installs faults in the environment and upstream of it.
fn keeper(environment: &dyn Environment, upstream: &Arc<Upstream>) -> Arc<Keeper> {
    let environment = environment.injector();
    let injector = TrialInjector { environment, upstream: Arc::clone(upstream) };
    Arc::new(Keeper::new(Arc::new(injector)))
}

fn upstream(plan: &TrialPlan, environment: &dyn Environment, anchor: Anchor) -> Arc<Upstream> {
    let workload = plan.scenario.workload.clone();
    Arc::new(Upstream {
        bootstrap: environment.bootstrap(),
        tampering: Arc::new(Tampering::new(workload.symbols())),
        strays: Arc::new(Strays::new(plan.tag())),
        processes: environment.processes().pods,
        workload,
        seed: plan.seed,
        anchor,
    })
}

/// This program and this machine, as records name them.
pub(crate) fn identity() -> (results::Program, results::Machine) {
    (record::program(), machine::describe())
}

/// What a trial measured.
pub(crate) struct Measured {
    pub(crate) load: Loaded,
    pub(crate) faults: Vec<FaultOutcome>,
    /// The phases that the load had.
    pub(crate) phases: phases::Ends,
}
