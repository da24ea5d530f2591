//! Random chaos: trials under schedules drawn from seeds until one fails, which is then shrunk.
//!
//! - [`weather`]: the scenario of a trial, with its faults and a calm end;
//! - [`finding`]: what a trial showed: safety under the faults, liveness after the last of them;
//! - `case`, `shrinking`: from a trial that failed to a minimal scenario file.
//!
//! While faults are in force only safety is asked for: messages keep the delivery guarantee. Then
//! everything is healed, and the system must recover by itself within its objective.

mod case;
pub mod finding;
mod shrinking;
pub mod weather;

use crate::exit::Failure;
use crate::progress::Progress;
use crate::run::{RunDirectory, RunOutcome, RunPlan, reports, trial_failure};
use crate::scenario::ValidatedScenario;
use crate::scenario::spec::StrategyName;
use crate::trial::{self, TrialPlan};
use chaos::Journal;
use chaos::journal::JournalEntry;
use finding::Finding;
use results::report::format::counted;
use results::{RunRecord, VerdictKind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use weather::Weather;

/// What is asked of a run beside its scenarios and its seed.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Where the faults come from.
    pub weather: Weather,
    /// For how long a failure is shrunk; not at all where absent.
    pub shrink_for: Option<Duration>,
}

/// Tries the scenarios, each with one seed after the other, until a trial fails or every
/// repetition is done, and shrinks the failure. Strategies take turns.
///
/// # Errors
/// When the folder cannot be written or an environment cannot be got ready.
pub async fn run(
    plan: &RunPlan,
    asked: &Asked,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Result<RunOutcome, Failure> {
    trial::check_variables().map_err(Failure::usage)?;
    let trials = trials(plan, asked)?;
    let (directory, journal) = RunDirectory::create(plan)?;
    let stage = Stage { directory: &directory, journal: &journal, progress, cancel };
    let outcome = stage.run(asked, &trials).await;
    let ended = journal.append(JournalEntry::RunEnded { run: directory.name() });
    let records = outcome?;
    ended.map_err(Failure::not_ready)?;
    Ok(RunOutcome { records, directory })
}

/// One trial to be run.
#[derive(Debug, Clone)]
struct Round {
    /// The scenario that its faults were put into, by its name.
    base: String,
    scenario: Arc<ValidatedScenario>,
    strategy: StrategyName,
    seed: u64,
}

/// Every trial, made before any is run, so that a scenario that cannot be had is refused at once.
fn trials(plan: &RunPlan, asked: &Asked) -> Result<Vec<Round>, Failure> {
    let repetitions = plan.scenarios.iter().map(|scenario| scenario.spec.repetitions).max();
    let mut trials = Vec::new();
    for repetition in 0..repetitions.unwrap_or(0) {
        let seed = plan.seed.wrapping_add(u64::from(repetition));
        for base in plan.scenarios.iter().filter(|base| repetition < base.spec.repetitions) {
            let turn = repetition as usize % base.spec.strategies.len();
            let strategy = base.spec.strategies[turn];
            let scenario =
                Arc::new(asked.weather.put_into(base, plan.place.capability(), strategy, seed)?);
            trials.push(Round { base: base.spec.name.clone(), scenario, strategy, seed });
        }
    }
    Ok(trials)
}

/// Where trials are run.
struct Stage<'a> {
    directory: &'a RunDirectory,
    journal: &'a Journal,
    progress: &'a Progress,
    cancel: &'a CancellationToken,
}

impl Stage<'_> {
    async fn run(&self, asked: &Asked, trials: &[Round]) -> Result<Vec<RunRecord>, Failure> {
        let mut records = Vec::new();
        for (number, round) in (1..).zip(trials) {
            if self.cancel.is_cancelled() {
                break;
            }
            self.announce(round);
            self.directory.write_scenario(&round.scenario)?;
            let replay = self.replay(&asked.weather, round);
            let plan = self.plan(round, replay);
            self.progress.trial(&plan.name(), number, trials.len());
            let (record, finding) = self.try_once(&plan).await?;
            self.directory.write_record(&record)?;
            records.push(record);
            reports::write(self.directory.path(), &records)?;
            if finding.verdict.kind == VerdictKind::Fail {
                self.tell(round, &finding, &plan.replay);
                if let Some(limit) = asked.shrink_for {
                    shrinking::shrink(self, round, &finding, limit).await?;
                }
                break;
            }
        }
        Ok(records)
    }

    /// Runs one trial and judges it by what random chaos asks for.
    async fn try_once(&self, plan: &TrialPlan) -> Result<(RunRecord, Finding), Failure> {
        let record = trial::run(plan, self.journal, self.progress, self.cancel).await;
        let mut record = record.map_err(trial_failure)?;
        let finding = finding::of(&record, &plan.scenario.spec);
        record.verdict = finding.verdict.clone();
        Ok((record, finding))
    }

    fn plan(&self, round: &Round, replay: String) -> TrialPlan {
        let mut plan = TrialPlan {
            place: self.directory.place().clone(),
            scenario: Arc::clone(&round.scenario),
            strategy: round.strategy,
            repetition: 1,
            seed: round.seed,
            run: self.directory.name(),
            directory: PathBuf::new(),
            replay,
        };
        plan.directory = self.directory.trial(&plan.name());
        plan
    }

    /// The line that tries the same seed again.
    fn replay(&self, weather: &Weather, round: &Round) -> String {
        let base = self.directory.path().join("scenarios").join(format!("{}.yaml", round.base));
        let line = self.directory.replay_of(&base, round.strategy, round.seed);
        format!("{line} {}", weather.flags())
    }

    fn announce(&self, round: &Round) {
        let spec = &round.scenario.spec;
        let say = |line: String| self.progress.say(&line);
        say(format!("{}: seed {}, {}", spec.name, round.seed, counted(spec.faults.len(), "fault")));
        for fault in round.scenario.schedule.resolve(round.seed) {
            say(format!("  {}", crate::run::fault_line(&fault)));
        }
    }

    fn tell(&self, round: &Round, finding: &Finding, replay: &str) {
        self.progress.say(&format!("seed {} fails:", round.seed));
        for reason in &finding.verdict.reasons {
            self.progress.say(&format!("  {reason}"));
        }
        // Said even to those who want no progress: it is what the run was for.
        crate::note!("replay: {replay}");
    }
}
