//! A soak: one random schedule after the other for hours, each round in a process of its own, so
//! that its memory ends with it and nothing that it does ends the soak.
//!
//! - [`state`]: how far it has come, in a file, from which a killed soak goes on;
//! - [`folder`]: what it leaves on the disk, and what of that it keeps.

pub mod folder;
pub mod state;

use crate::clock::Anchor;
use crate::duet::child::{self, Ended, Patience};
use crate::duet::{DuetPlan, only_record};
use crate::exit::{Exit, Failure};
use crate::progress::Progress;
use crate::scenario::ValidatedScenario;
use folder::Folder;
use results::report::format;
use results::{FaultState, RunRecord};
use state::{Judged, RoundRow, Soak};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Rounds in a row that could not even be run, after which there is no point in another.
const BROKEN_MAX: u32 = 3;

/// What is soaked, and for how long.
#[derive(Debug)]
pub struct SoakPlan {
    /// This program, which runs the rounds.
    pub program: PathBuf,
    /// The scenario, its faults replaced by drawn ones in each round.
    pub scenario: ValidatedScenario,
    /// How much breaks, 0 to 1.
    pub intensity: f64,
    /// For how long, rounds of earlier processes included.
    pub length: Duration,
    /// For how long a failure is shrunk; not at all where absent.
    pub shrink_for: Option<Duration>,
    /// Rounds that fail, after which the soak ends.
    pub failures: u32,
}

/// Runs rounds until the time is over, enough of them have failed, or the soak is stopped. The
/// state is written after each.
///
/// # Errors
/// When the disk refuses, or rounds cannot be run at all.
pub async fn run(
    plan: &SoakPlan,
    folder: &Folder,
    soak: &mut Soak,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    let mut broken = 0;
    while soak.spent() < plan.length && soak.failed < plan.failures && !cancel.is_cancelled() {
        folder.clear_round(soak.next_seed)?;
        let start = Anchor::now();
        let Some(judged) = round(plan, folder, soak, cancel).await? else { break };
        broken = if judged.outcome == state::Outcome::NotRun { broken + 1 } else { 0 };
        let row = soak.add(judged, start.elapsed());
        progress.say(&words(&row, soak, plan));
        folder.write(soak, &row)?;
        if broken >= BROKEN_MAX {
            return Err(Failure::not_ready(anyhow::anyhow!(
                "{BROKEN_MAX} rounds in a row could not be run: {}; see {}",
                row.reason,
                folder.log(row.seed).display()
            )));
        }
    }
    Ok(())
}

/// How a soak went that has ended.
pub fn exit(soak: &Soak) -> Exit {
    match (soak.failed, soak.kept) {
        (0, 0) => Exit::Inconclusive,
        (0, _) => Exit::Pass,
        _ => Exit::GateFailed,
    }
}

/// One round; nothing when it was stopped.
async fn round(
    plan: &SoakPlan,
    folder: &Folder,
    soak: &Soak,
    cancel: &CancellationToken,
) -> Result<Option<Judged>, Failure> {
    let (seed, log) = (soak.next_seed, folder.log(soak.next_seed));
    let strategies = &plan.scenario.spec.strategies;
    let strategy = strategies[soak.rounds() as usize % strategies.len()].as_str();
    let command = command(plan, folder, seed, strategy);
    let ended = child::run(&plan.program, &command, &log, patience(plan), cancel).await;
    let ended = ended.map_err(|error| {
        Failure::internal(anyhow::anyhow!("cannot start a round's process: {error}"))
    })?;
    let judged = match ended {
        Ended::Stopped => return Ok(None),
        Ended::OutOfTime => Judged::not_run(strategy, "it had not ended in time and was stopped"),
        Ended::Itself(status) => judged(status, strategy, folder, seed),
    };
    Ok(Some(judged))
}

fn command(plan: &SoakPlan, folder: &Folder, seed: u64, strategy: &str) -> Vec<OsString> {
    let mut command: Vec<OsString> = vec![plan.program.clone().into(), "run".into()];
    command.push(folder.scenario().into());
    let (seed_text, intensity) = (seed.to_string(), plan.intensity.to_string());
    let flags = ["--chaos", "random", "--seed", &seed_text, "--intensity", &intensity];
    command.extend(flags.map(OsString::from));
    command.extend(["--repetitions", "1", "--strategies", strategy].map(OsString::from));
    match plan.shrink_for {
        Some(limit) => {
            let limit = humantime::format_duration(limit).to_string().replace(' ', "");
            command.extend(["--shrink-for".into(), limit.into()]);
        }
        None => command.push("--no-shrink".into()),
    }
    command.extend(["--out".into(), folder.round(seed).into(), "--quiet".into()]);
    command
}

/// A round may take its trial and, if that fails, the shrinking with the trials around it.
fn patience(plan: &SoakPlan) -> Patience {
    let trial = DuetPlan::patience(&plan.scenario);
    let tail = plan.scenario.spec.job.objectives.recovery + Duration::from_secs(30);
    let shrinking = plan.shrink_for.map_or(Duration::ZERO, |limit| limit + 8 * trial.limit);
    Patience { limit: trial.limit + tail + shrinking, ..trial }
}

fn judged(status: ExitStatus, strategy: &str, folder: &Folder, seed: u64) -> Judged {
    let exits = [
        (Exit::Pass, state::Outcome::Kept),
        (Exit::GateFailed, state::Outcome::Failed),
        (Exit::Inconclusive, state::Outcome::Unclear),
    ];
    let outcome = exits.into_iter().find(|(exit, _)| status.code() == Some(*exit as i32));
    let Some((_, outcome)) = outcome else {
        return Judged::not_run(strategy, &format!("the program ended with {status}"));
    };
    match only_record(&folder.round(seed)) {
        Ok(record) => of_record(&record, outcome, strategy),
        Err(problem) => Judged::not_run(strategy, &problem),
    }
}

fn of_record(record: &RunRecord, outcome: state::Outcome, strategy: &str) -> Judged {
    let landed = record.faults.iter().filter(|fault| fault.state == FaultState::Landed);
    Judged {
        outcome,
        strategy: strategy.to_owned(),
        faults: record.faults.len(),
        landed: landed.count(),
        reason: match outcome {
            state::Outcome::Kept => String::new(),
            _ => record.verdict.reasons.join(" "),
        },
    }
}

fn words(row: &RoundRow, soak: &Soak, plan: &SoakPlan) -> String {
    let (spent, length) = (soak.spent().as_secs_f64(), plan.length.as_secs_f64());
    let RoundRow { seed, faults, landed, .. } = row;
    let reason = if row.reason.is_empty() { String::new() } else { format!(": {}", row.reason) };
    format!(
        "seed {seed}: {} ({landed} of {} landed, {}; {:.0} % of the time){reason}",
        row.outcome.word(),
        format::counted(faults, "fault"),
        format::seconds(row.took_s),
        (spent / length * 100.0).min(100.0),
    )
}
