//! One trial of a pair: the program's stable command line, and the record that it leaves.

use super::child::{self, Ended};
use super::{DuetPlan, Folder};
use crate::exit::{Exit, Failure};
use results::gate::{Expected, Half, Role};
use results::{HealthLimits, RunRecord};
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitStatus;
use tokio_util::sync::CancellationToken;

/// Longest piece of a program's last words that is quoted.
const QUOTED_CHARS_MAX: usize = 300;
/// Largest log that is looked into for them.
const LOG_BYTES_MAX: u64 = 1 << 20;

/// Runs a trial with `seed` by the program of `role`; `None` when it was stopped.
///
/// # Errors
/// When no process can be started at all: a program that cannot be run only spoils its pair.
pub(super) async fn run(
    plan: &DuetPlan,
    folder: &Folder,
    (number, role): (u32, Role),
    seed: u64,
    cancel: &CancellationToken,
) -> Result<Option<Half>, Failure> {
    let (out, log) = folder.trial(number, role);
    let command = command(plan, folder, role, seed, &out);
    let ended = child::run(&plan.launcher, &command, &log, plan.patience, cancel).await.map_err(
        |error| Failure::internal(anyhow::anyhow!("cannot start a trial's process: {error}")),
    )?;
    Ok(match ended {
        Ended::Stopped => None,
        Ended::OutOfTime => Some(Half::spoiled(format!(
            "It was stopped: it had not ended after {} s.",
            plan.patience.limit.as_secs()
        ))),
        Ended::Itself(status) => Some(outcome(plan, status, &out, &log, seed)),
    })
}

fn command(plan: &DuetPlan, folder: &Folder, role: Role, seed: u64, out: &Path) -> Vec<OsString> {
    let program = plan.program(role).as_os_str().to_owned();
    let strategy = plan.strategy.as_str();
    let mut command = vec![program, "run".into(), folder.scenario().into()];
    let flags = ["--repetitions", "1", "--strategies", strategy, "--seed", &seed.to_string()];
    command.extend(flags.map(OsString::from));
    command.extend(["--out".into(), out.into(), "--quiet".into()]);
    command
}

/// What a trial that ended by itself gave.
fn outcome(plan: &DuetPlan, status: ExitStatus, out: &Path, log: &Path, seed: u64) -> Half {
    // A trial that breaks an objective, or is not valid, has a record that says so.
    let with_record = [Exit::Pass, Exit::GateFailed, Exit::Inconclusive];
    if !with_record.iter().any(|exit| status.code() == Some(*exit as i32)) {
        return Half::spoiled(format!("The program ended with {status}{}.", last_words(log)));
    }
    match only_record(out) {
        Ok(record) => Half::of(
            &record,
            &Expected {
                digest: &plan.scenario.digest,
                fingerprint: &workloads::fingerprint(&plan.scenario.workload, seed),
                strategy: plan.strategy.as_str(),
                seed,
                objectives: &plan.scenario.spec.objectives,
                limits: &HealthLimits::default(),
            },
        ),
        Err(problem) => Half::spoiled(format!("Its record cannot be used: {problem}.")),
    }
}

/// The only record of a run.
///
/// # Errors
/// When there is none, more than one, or it cannot be read; the error says so.
pub(crate) fn only_record(out: &Path) -> Result<RunRecord, String> {
    let folder = out.join("records");
    let entries = std::fs::read_dir(&folder)
        .and_then(|entries| entries.take(2).collect::<Result<Vec<_>, _>>())
        .map_err(|error| format!("{}: {error}", folder.display()))?;
    let [entry] = &entries[..] else {
        return Err(format!("{}: not exactly one record in it", folder.display()));
    };
    RunRecord::read(&entry.path()).map_err(|error| error.to_string())
}

/// The last line that a program said, quoted.
fn last_words(log: &Path) -> String {
    let text = results::file::read_bounded(log, LOG_BYTES_MAX).unwrap_or_default();
    let last = text.lines().rev().find(|line| !line.trim().is_empty());
    last.map_or(String::new(), |line| {
        let quoted: String = line.trim().chars().take(QUOTED_CHARS_MAX).collect();
        format!(", saying \"{quoted}\"")
    })
}
