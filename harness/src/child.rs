//! Children that do not outlive the harness.
//!
//! Every child is started through the hidden command `run-child`, which asks the kernel for a
//! SIGKILL on the parent's death and then becomes the child. The kernel keeps that wish across
//! `exec`, and delivers it to stopped processes too.

use std::ffi::OsString;
use std::path::Path;

/// The words to put before a child's command.
pub fn prefix(program: &Path) -> Vec<OsString> {
    vec![
        program.into(),
        "run-child".into(),
        "--parent".into(),
        std::process::id().to_string().into(),
        "--".into(),
    ]
}

/// A process id as signals want it.
pub fn pid(id: u32) -> Option<rustix::process::Pid> {
    rustix::process::Pid::from_raw(i32::try_from(id).ok()?)
}

/// Becomes `command`, to be killed when `parent` dies. Returns only if that failed.
#[cfg(target_os = "linux")]
pub fn become_child(parent: u32, command: &[OsString]) -> anyhow::Error {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};
    use std::os::unix::process::CommandExt;
    if let Err(error) = set_parent_process_death_signal(Some(Signal::KILL)) {
        return anyhow::anyhow!("cannot ask for a signal on the parent's death: {error}");
    }
    // The parent may have died before the wish was heard.
    if getppid() != pid(parent) {
        return anyhow::anyhow!("process {parent} has ended");
    }
    let Some((program, arguments)) = command.split_first() else {
        return anyhow::anyhow!("no command given");
    };
    let error = std::process::Command::new(program).args(arguments).exec();
    anyhow::anyhow!("cannot run {}: {error}", program.display())
}

/// Runs `command` and ends it when `parent` dies; returns its failure, if it failed.
///
/// Without a death signal the parent is looked at every half second.
#[cfg(not(target_os = "linux"))]
pub fn become_child(parent: u32, command: &[OsString]) -> anyhow::Error {
    use std::time::Duration;
    let Some((program, arguments)) = command.split_first() else {
        return anyhow::anyhow!("no command given");
    };
    let mut child = match std::process::Command::new(program).args(arguments).spawn() {
        Ok(child) => child,
        Err(error) => return anyhow::anyhow!("cannot run {}: {error}", program.display()),
    };
    loop {
        match child.try_wait() {
            Ok(Some(status)) => std::process::exit(status.code().unwrap_or(1)),
            Ok(None) if rustix::process::getppid() == pid(parent) => {
                std::thread::sleep(Duration::from_millis(500));
            }
            _ => {
                let _ = child.kill();
                return anyhow::anyhow!("process {parent} has ended");
            }
        }
    }
}
