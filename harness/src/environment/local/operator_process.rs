//! The operator as a child process of the harness.

use std::fs::File;
use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// Time the operator has to end by itself.
const GRACE: Duration = Duration::from_secs(3);

/// A running operator; killed when dropped.
#[derive(Debug)]
pub(super) struct OperatorProcess {
    child: Child,
}

impl OperatorProcess {
    /// Starts `operator` from this program, writing its log to `log`.
    pub(super) fn start(kubeconfig: &Path, log: &Path) -> io::Result<Self> {
        let program = std::env::current_exe()?;
        let prefix = crate::child::prefix(&program);
        let output = File::create(log)?;
        let child = Command::new(&prefix[0])
            .args(&prefix[1..])
            .arg(&program)
            .args(["operator", "--listen", "127.0.0.1:0", "--kubeconfig"])
            .arg(kubeconfig)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            // Ctrl-C on the terminal is for the harness, which then stops the operator itself.
            .process_group(0)
            .spawn()?;
        Ok(Self { child })
    }

    /// Whether it has not ended.
    pub(super) fn is_alive(&self) -> bool {
        self.pid().is_some_and(|pid| crate::clock::start_ticks(pid).is_some())
    }

    /// Process id while it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Asks it to end, and ends it if it does not.
    pub(super) async fn stop(mut self) {
        if let Some(pid) = self.child.id().and_then(crate::child::pid) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        if tokio::time::timeout(GRACE, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}
