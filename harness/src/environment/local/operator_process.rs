//! The operator as a child process of the harness.

use embedded_kube::CLOCK_FILE;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::sync::broadcast;

/// Time the operator has to end by itself.
const GRACE: Duration = Duration::from_secs(3);
/// How long its lease lasts when it is not renewed: what takes a cluster 15 s is compressed here,
/// like the times of nodes.
const LEASE_DURATION: &str = "4s";
/// Starts of operators that a listener may be behind.
const STARTS_MAX: usize = 1_000;
/// Name of its log.
const LOG: &str = "operator.log";
/// Name of the file that says what is wrong with its clock.
const CLOCK: &str = "operator.clock";
/// Name of the log of a second operator.
const SECOND_LOG: &str = "operator-2.log";

/// The operator of an environment: one process, but for faults.
pub(in crate::environment) struct Operator {
    /// The program and its arguments.
    command: Vec<OsString>,
    /// More arguments, for all but a second operator.
    election: Vec<OsString>,
    /// Where the logs go.
    directory: PathBuf,
    clock_file: PathBuf,
    /// Nothing while a fault has it killed.
    process: Mutex<Option<OperatorProcess>>,
    starts: broadcast::Sender<u32>,
}

impl Operator {
    /// Starts the operator from this program, with its log in `directory`.
    pub(in crate::environment) fn start(kubeconfig: &Path, directory: &Path) -> io::Result<Self> {
        let program = std::env::current_exe()?;
        let mut command = crate::child::prefix(&program);
        command.push(program.into());
        command.extend(["operator", "--listen", "127.0.0.1:0", "--kubeconfig"].map(OsString::from));
        command.push(kubeconfig.into());
        let election = ["--leader-elect", "--lease-duration", LEASE_DURATION].map(OsString::from);
        Self::run(command, election.to_vec(), directory)
    }

    /// Runs a command as the operator, with more arguments for all but a second one.
    pub(in crate::environment) fn run(
        command: Vec<OsString>,
        election: Vec<OsString>,
        directory: &Path,
    ) -> io::Result<Self> {
        let operator = Self {
            command,
            election,
            directory: directory.to_owned(),
            clock_file: directory.join(CLOCK),
            process: Mutex::default(),
            starts: broadcast::Sender::new(STARTS_MAX),
        };
        operator.restart()?;
        Ok(operator)
    }

    /// Process id while it runs.
    pub(in crate::environment) fn pid(&self) -> Option<u32> {
        self.process().as_ref().and_then(OperatorProcess::pid)
    }

    /// The process ids of operators that start from now on.
    pub(in crate::environment) fn starts(&self) -> broadcast::Receiver<u32> {
        self.starts.subscribe()
    }

    /// Whether it has ended though no fault killed it.
    pub(in crate::environment) fn has_failed(&self) -> bool {
        self.process().as_ref().is_some_and(|process| !process.is_alive())
    }

    /// Kills it, and gives the id that the process had.
    pub(in crate::environment) async fn kill(&self) -> Option<u32> {
        let mut process = self.process().take()?;
        let pid = process.pid();
        if let Err(error) = process.child.kill().await {
            tracing::warn!(%error, "killing the operator");
        }
        pid
    }

    /// Starts it again, unless it runs, and gives the process id.
    pub(in crate::environment) fn restart(&self) -> io::Result<Option<u32>> {
        let mut process = self.process();
        if process.is_none() {
            *process = Some(self.spawn(&self.election, LOG)?);
        }
        Ok(process.as_ref().and_then(OperatorProcess::pid))
    }

    /// Starts another one beside it, which does not ask for the lease.
    pub(in crate::environment) fn second(&self) -> io::Result<OperatorProcess> {
        self.spawn(&[], SECOND_LOG)
    }

    /// Where its log goes.
    pub(in crate::environment) fn log(&self) -> PathBuf {
        self.directory.join(LOG)
    }

    /// Where a [`embedded_kube::ClockShift`] puts the clock of every operator wrong.
    pub(in crate::environment) fn clock_file(&self) -> &Path {
        &self.clock_file
    }

    /// Asks it to end, and ends it if it does not.
    pub(in crate::environment) async fn stop(&self) {
        let process = self.process().take();
        if let Some(process) = process {
            process.stop().await;
        }
    }

    fn spawn(&self, election: &[OsString], log: &str) -> io::Result<OperatorProcess> {
        let command: Vec<&OsString> = self.command.iter().chain(election).collect();
        let log = self.directory.join(log);
        let process = OperatorProcess::start(&command, log, &self.clock_file)?;
        if let Some(pid) = process.pid() {
            // Nobody has to listen.
            let _ = self.starts.send(pid);
        }
        Ok(process)
    }

    fn process(&self) -> MutexGuard<'_, Option<OperatorProcess>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running operator; killed when dropped.
#[derive(Debug)]
pub(in crate::environment) struct OperatorProcess {
    child: Child,
    log: PathBuf,
}

impl OperatorProcess {
    /// Starts an operator that adds to `log`.
    fn start(command: &[&OsString], log: PathBuf, clock: &Path) -> io::Result<Self> {
        let output = OpenOptions::new().create(true).append(true).open(&log)?;
        let (program, arguments) = command.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let child = Command::new(program)
            .args(arguments)
            .env(CLOCK_FILE, clock)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            // Ctrl-C on the terminal is for the harness, which then stops the operator itself.
            .process_group(0)
            .spawn()?;
        Ok(Self { child, log })
    }

    /// Whether it has not ended.
    pub(in crate::environment) fn is_alive(&self) -> bool {
        self.pid().is_some_and(|pid| crate::clock::start_ticks(pid).is_some())
    }

    /// Process id while it runs.
    pub(in crate::environment) fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Where its log goes.
    pub(in crate::environment) fn log(&self) -> &Path {
        &self.log
    }

    /// Asks it to end, and ends it if it does not.
    pub(in crate::environment) async fn stop(mut self) {
        if let Some(pid) = self.child.id().and_then(crate::child::pid) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        if tokio::time::timeout(GRACE, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }
}
