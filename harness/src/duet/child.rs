//! One program run to its end as a child, with a time limit, and stopped in order when asked.

use crate::child;
use rustix::process::{Signal, kill_process_group};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio_util::sync::CancellationToken;

/// How long a child may take.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// From its start to its end.
    pub limit: Duration,
    /// From being asked to end to being killed: time to heal faults and write what there is.
    pub grace: Duration,
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// By itself.
    Itself(ExitStatus),
    /// It was stopped, for it had run out of time.
    OutOfTime,
    /// It was stopped, for the user asked to stop.
    Stopped,
}

/// Runs `command`, launched by `launcher`, in a process group of its own, with all that it says in the file `log`.
///
/// The child dies with this process, and what it started dies with it: an interrupt goes to the
/// whole group first, so that faults are healed, and a kill follows when that is not heeded.
pub(crate) async fn run(
    launcher: &Path,
    command: &[OsString],
    log: &Path,
    patience: Patience,
    cancel: &CancellationToken,
) -> io::Result<Ended> {
    let said = File::create(log)?;
    let mut words = child::prefix(launcher);
    words.extend(command.iter().cloned());
    let mut child = Command::new(&words[0])
        .args(&words[1..])
        .stdin(Stdio::null())
        .stdout(said.try_clone()?)
        .stderr(said)
        // Ctrl-C on the terminal is for this program, which then stops the child itself.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    tokio::select! {
        status = child.wait() => return Ok(Ended::Itself(status?)),
        () = tokio::time::sleep(patience.limit) => {}
        () = cancel.cancelled() => {}
    }
    let ended = if cancel.is_cancelled() { Ended::Stopped } else { Ended::OutOfTime };
    stop(&mut child, patience.grace).await?;
    Ok(ended)
}

/// Interrupts the child's group, and kills it when it has not ended in time.
async fn stop(child: &mut Child, grace: Duration) -> io::Result<()> {
    // The group's number stays taken until the child has been waited for.
    let group = child.id().and_then(child::pid);
    let signal = |signal| group.map(|group| kill_process_group(group, signal));
    let _gone = signal(Signal::INT);
    if tokio::time::timeout(grace, child.wait()).await.is_err() {
        let _gone = signal(Signal::KILL);
        child.wait().await?;
    }
    Ok(())
}
