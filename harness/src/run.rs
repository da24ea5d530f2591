//! A run: every trial of some scenarios, in shuffled order, with files written as it goes.

mod directory;
mod expectations;
pub mod reports;

pub use directory::{JOURNAL, ROOT, RunDirectory, make_folder};
pub use expectations::{ExpectationRow, expectation_rows, expectation_table};

use crate::environment::Place;
use crate::exit::{Exit, Failure};
use crate::progress::Progress;
use crate::scenario::ValidatedScenario;
use crate::trial::{self, TrialError, TrialPlan};
use chaos::Journal;
use chaos::journal::JournalEntry;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use results::RunRecord;
use results::report::format::counted;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What to run and how.
#[derive(Debug, Clone)]
pub struct RunPlan {
    /// Where the trials run.
    pub place: Place,
    /// Name of the suite or scenario; names the run's folder.
    pub name: String,
    /// The scenarios, in order.
    pub scenarios: Vec<Arc<ValidatedScenario>>,
    /// Seed of the first repetition; each further one adds one.
    pub seed: u64,
    /// Folder for the results, or the default below `stormgauge-out`.
    pub out: Option<PathBuf>,
}

impl RunPlan {
    /// Every trial: scenario by scenario, repetition by repetition, strategies shuffled in each.
    ///
    /// Interleaving and shuffling keep what drifts on the machine from favouring one strategy.
    pub fn trials(&self, directory: &RunDirectory) -> Vec<TrialPlan> {
        let mut trials = Vec::new();
        for scenario in &self.scenarios {
            for repetition in 1..=scenario.spec.repetitions {
                let seed = self.seed.wrapping_add(u64::from(repetition) - 1);
                let mut strategies = scenario.spec.strategies.clone();
                strategies.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
                trials.extend(strategies.into_iter().map(|strategy| {
                    let mut plan = TrialPlan {
                        place: self.place.clone(),
                        scenario: Arc::clone(scenario),
                        strategy,
                        repetition,
                        seed,
                        run: directory.name(),
                        directory: PathBuf::new(),
                        replay: directory.replay(scenario, strategy, seed),
                    };
                    plan.directory = directory.trial(&plan.name());
                    plan
                }));
            }
        }
        trials
    }
}

/// What a run gave.
#[derive(Debug)]
pub struct RunOutcome {
    /// The records, in the order in which the trials ran.
    pub records: Vec<RunRecord>,
    /// Where the files are.
    pub directory: RunDirectory,
}

/// Runs every trial. The reports are written anew after each, so that whatever ends the run
/// leaves a complete report of what was done.
///
/// # Errors
/// When the folder cannot be written or an environment cannot be got ready.
pub async fn run(
    plan: &RunPlan,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Result<RunOutcome, Failure> {
    trial::check_variables().map_err(Failure::usage)?;
    let (directory, journal) = RunDirectory::create(plan)?;
    let outcome = run_trials(plan, &directory, &journal, progress, cancel).await;
    // A trial that failed has taken its environment away too, so the run leaves nothing.
    let ended = journal.append(JournalEntry::RunEnded { run: directory.name() });
    let records = outcome?;
    ended.map_err(Failure::not_ready)?;
    Ok(RunOutcome { records, directory })
}

async fn run_trials(
    plan: &RunPlan,
    directory: &RunDirectory,
    journal: &Journal,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Result<Vec<RunRecord>, Failure> {
    let trials = announced_trials(plan, directory, progress);
    let mut records = Vec::new();
    for (number, trial) in (1..).zip(&trials) {
        if cancel.is_cancelled() {
            break;
        }
        progress.trial(&trial.name(), number, trials.len());
        let record = trial::run(trial, journal, progress, cancel).await.map_err(trial_failure)?;
        directory.write_record(&record)?;
        records.push(record);
        reports::write(directory.path(), &records)?;
    }
    Ok(records)
}

/// The trials, with a few words on standard error before the first.
fn announced_trials(
    plan: &RunPlan,
    directory: &RunDirectory,
    progress: &Progress,
) -> Vec<TrialPlan> {
    let trials = plan.trials(directory);
    progress.say(&format!(
        "{}: {}, seed {}, results in {}",
        plan.name,
        counted(trials.len(), "trial"),
        plan.seed,
        directory.path().display()
    ));
    for scenario in &plan.scenarios {
        let fingerprint = workloads::fingerprint(&scenario.workload, plan.seed);
        progress.say(&format!("{}: workload {fingerprint}", scenario.spec.name));
        for fault in scenario.schedule.resolve(plan.seed) {
            progress.say(&format!("{}: {}", scenario.spec.name, fault_line(&fault)));
        }
    }
    trials
}

/// A planned fault in one line.
pub(crate) fn fault_line(fault: &chaos::PlannedFault) -> String {
    format!(
        "fault {} ({}) {} for {:?} on {}",
        fault.name,
        fault.action.fault.kind().kind,
        fault.cue,
        fault.hold,
        targets(fault)
    )
}

/// The targets as far as the seed tells them; a role is found when the fault is due.
fn targets(fault: &chaos::PlannedFault) -> String {
    let mut targets = fault.action.targets();
    targets.extend(fault.action.role().map(|role| role.to_string()));
    targets.join(", ")
}

/// A trial that has no record, with its exit code.
pub(crate) fn trial_failure(error: TrialError) -> Failure {
    let exit = match &error {
        TrialError::Environment(_) => Exit::NotReady,
        TrialError::Internal { .. } => Exit::Internal,
    };
    Failure { exit, error: error.into() }
}
