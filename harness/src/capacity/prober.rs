//! One probe: the scenario with a rate, an allocation and a strategy, run as a trial and judged.

use crate::exit::Failure;
use crate::progress::Progress;
use crate::run::{RunDirectory, trial_failure};
use crate::scenario::ValidatedScenario;
use crate::scenario::spec::{ScenarioSpec, StrategyName};
use crate::trial::{self, TrialPlan};
use chaos::Journal;
use results::HealthLimits;
use results::capacity::{Probe, SustainRules, Sustained, sustained};
use results::report::format;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What is probed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// Messages a second.
    pub(super) rate_per_s: f64,
    /// A fixed number of workers; the scenario's bounds where absent.
    pub(super) workers: Option<u32>,
    /// The strategy.
    pub(super) strategy: StrategyName,
    /// Multiple of the scenario's duration.
    pub(super) length: u32,
    /// What is added to the run's seed.
    pub(super) seed_offset: u64,
}

/// Runs probes one after the other.
pub(super) struct Prober<'a> {
    scenario: &'a ValidatedScenario,
    seed: u64,
    directory: &'a RunDirectory,
    journal: &'a Journal,
    progress: &'a Progress,
    cancel: CancellationToken,
    probes: u64,
}

impl<'a> Prober<'a> {
    pub(super) fn new(
        scenario: &'a ValidatedScenario,
        seed: u64,
        directory: &'a RunDirectory,
        journal: &'a Journal,
        progress: &'a Progress,
        cancel: CancellationToken,
    ) -> Self {
        progress.say(&format!(
            "{}: searching capacities, seed {seed}, results in {}",
            scenario.spec.name,
            directory.path().display()
        ));
        Self { scenario, seed, directory, journal, progress, cancel, probes: 0 }
    }

    /// Trials so far.
    pub(super) fn probes(&self) -> u64 {
        self.probes
    }

    /// The run's seed.
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// The strategy whose settings fixed allocations use.
    pub(super) fn first_strategy(&self) -> StrategyName {
        self.scenario.spec.strategies[0]
    }

    /// The rate that the scenario names.
    pub(super) fn named_rate(&self) -> f64 {
        self.scenario.spec.workload.arrival.rate_per_s
    }

    /// Runs a probe; once more at twice the length if it is unclear, and once more as it is if the
    /// harness did not keep up, which may have been another program's doing. `None` when the run
    /// is stopped.
    ///
    /// # Errors
    /// When the rate is none that a scenario can have, or the trial could not be run.
    pub(super) async fn probe(&mut self, asked: Asked) -> Result<Option<Probe>, Failure> {
        let first = self.once(asked).await?;
        match first.as_ref().map(|probe| &probe.sustained) {
            Some(Sustained::Unclear(_)) => {
                self.once(Asked { length: asked.length * 2, ..asked }).await
            }
            Some(Sustained::Invalid(_)) => self.once(asked).await,
            _ => Ok(first),
        }
    }

    async fn once(&mut self, asked: Asked) -> Result<Option<Probe>, Failure> {
        if self.cancel.is_cancelled() {
            return Ok(None);
        }
        self.probes += 1;
        let name = format!("probe-{}", self.probes);
        let scenario = self.scenario.derived(|spec| change(spec, &name, asked));
        let scenario = Arc::new(scenario.map_err(Failure::usage)?);
        self.directory.write_scenario(&scenario)?;
        let seed = self.seed.wrapping_add(asked.seed_offset);
        let mut plan = TrialPlan {
            place: self.directory.place().clone(),
            replay: self.directory.replay(&scenario, asked.strategy, seed),
            scenario,
            strategy: asked.strategy,
            repetition: 1,
            seed,
            run: self.directory.name(),
            directory: std::path::PathBuf::new(),
        };
        plan.directory = self.directory.trial(&plan.name());
        self.progress.probe(&words(asked), self.probes);
        let record = trial::run(&plan, self.journal, self.progress, &self.cancel).await;
        let record = record.map_err(trial_failure)?;
        if self.cancel.is_cancelled() {
            return Ok(None);
        }
        self.directory.write_probe(&record)?;
        let probe = sustained(&record, &self.rules());
        self.progress.say(&format!("{}: {}", words(asked), outcome(&probe)));
        Ok(Some(probe))
    }

    fn rules(&self) -> SustainRules {
        let spec = &self.scenario.spec;
        let resolution = spec.capacity.as_ref().map_or(0.02, |capacity| capacity.resolution);
        SustainRules {
            objective_p99_ms: spec.job.objectives.p99_latency.as_secs_f64() * 1e3,
            // Half of the resolution: a rate that far above the capacity must be told from it.
            growth_share: resolution / 2.0,
            limits: HealthLimits::default(),
        }
    }
}

/// Makes the scenario of a probe.
fn change(spec: &mut ScenarioSpec, name: &str, asked: Asked) {
    name.clone_into(&mut spec.name);
    spec.capacity = None;
    spec.repetitions = 1;
    spec.strategies = vec![asked.strategy];
    spec.workload.arrival.rate_per_s = asked.rate_per_s;
    spec.duration = spec.duration.saturating_mul(asked.length).min(Duration::from_secs(86_400));
    if let Some(workers) = asked.workers {
        spec.job.scaling.min_replicas = workers;
        spec.job.scaling.max_replicas = workers;
    }
}

fn words(asked: Asked) -> String {
    let rate = format::count(asked.rate_per_s.round() as u64);
    match asked.workers {
        Some(workers) => format!("{} at {rate}/s", format::counted(workers, "worker")),
        None => format!("{} at {rate}/s", asked.strategy.as_str()),
    }
}

fn outcome(probe: &Probe) -> String {
    let p99 = probe.p99_ms.map_or(format::ABSENT.to_owned(), format::milliseconds);
    let workers = probe.workers;
    match &probe.sustained {
        Sustained::Yes => format!("sustained with {workers:.1} workers, p99 {p99}"),
        Sustained::No(reason) => format!("not sustained: {reason}"),
        Sustained::Unclear(reason) => format!("unclear: {reason}"),
        Sustained::Invalid(reason) => format!("invalid: {reason}"),
    }
}
