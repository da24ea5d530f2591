//! The thread that starts every process of an instance, and reaps it.
//!
//! One thread lives as long as the instance and starts them all, because on Linux a parent-death
//! signal fires when the *thread* that started the child ends, and threads of a tokio pool come and
//! go.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, PipeReader};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot, watch};

use super::process::{OomKiller, ProcessStatus, ProcessTable};
use crate::cgroup::ControlGroup;

/// Starts that may wait for the thread.
const REQUESTS_WAITING: usize = 64;
/// How long the thread waits for killed processes to disappear. Only one that hangs in the kernel
/// takes longer.
const REAP_TIME: Duration = Duration::from_secs(10);

/// A process to start.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) node: String,
    pub(super) pod: String,
    /// Program and arguments.
    pub(super) program: OsString,
    pub(super) arguments: Vec<OsString>,
    /// All of its environment; nothing is inherited.
    pub(super) environment: BTreeMap<OsString, OsString>,
    pub(super) directory: PathBuf,
    /// The group that it is in from its beginning, and that goes when it ends.
    pub(super) control_group: Option<ControlGroup>,
}

struct Request {
    launch: Launch,
    reply: oneshot::Sender<io::Result<RunningProcess>>,
}

/// A started process. Dropping it kills its group.
#[derive(Debug)]
pub(super) struct RunningProcess {
    pid: u32,
    /// Its standard output and error; taken by whoever reads it.
    pub(super) output: Option<PipeReader>,
    status: watch::Receiver<Option<ProcessStatus>>,
    table: Arc<ProcessTable>,
}

impl RunningProcess {
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// Signals its group.
    pub(super) fn signal(&self, signal: Signal) {
        self.table.signal(self.pid, signal);
    }

    /// Waits for its end, any number of times.
    pub(super) async fn ended(&self) -> ProcessStatus {
        ended(self.status.clone()).await
    }

    /// Waits for its end without borrowing it.
    pub(super) fn end(&self) -> impl Future<Output = ProcessStatus> + use<> {
        ended(self.status.clone())
    }
}

async fn ended(mut status: watch::Receiver<Option<ProcessStatus>>) -> ProcessStatus {
    let known = status.wait_for(Option::is_some).await.ok().and_then(|status| *status);
    // Without a reaper nothing but the closing thread can have been the end.
    known.unwrap_or(ProcessStatus::Signal(Signal::KILL.as_raw()))
}

impl Drop for RunningProcess {
    fn drop(&mut self) {
        if self.status.borrow().is_none() {
            self.signal(Signal::KILL);
        }
    }
}

/// Hands processes to the thread.
#[derive(Debug)]
pub(super) struct Launcher {
    table: Arc<ProcessTable>,
    requests: mpsc::Sender<Request>,
}

impl Launcher {
    /// Starts the thread, which ends once `table` is closed and all is reaped.
    ///
    /// # Errors
    /// When the system refuses the thread or its event loop.
    pub(super) async fn start(table: Arc<ProcessTable>) -> io::Result<(Self, JoinHandle<()>)> {
        let (requests, received) = mpsc::channel(REQUESTS_WAITING);
        let (ready, is_ready) = oneshot::channel();
        let served = Arc::clone(&table);
        let thread = std::thread::Builder::new().name("embedded-kube-processes".to_owned()).spawn(
            move || match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => {
                    let _ = ready.send(Ok(()));
                    runtime.block_on(serve(served, received));
                }
                Err(error) => {
                    let _ = ready.send(Err(error));
                }
            },
        )?;
        is_ready.await.map_err(|_| stopped())??;
        Ok((Self { table, requests }, thread))
    }

    /// Starts a process in a group of its own.
    ///
    /// # Errors
    /// When it cannot be started, or its node went down meanwhile.
    pub(super) async fn launch(&self, launch: Launch) -> io::Result<RunningProcess> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request { launch, reply }).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }

    pub(super) fn table(&self) -> &Arc<ProcessTable> {
        &self.table
    }
}

fn stopped() -> io::Error {
    io::Error::other("the node has stopped")
}

async fn serve(table: Arc<ProcessTable>, mut requests: mpsc::Receiver<Request>) {
    loop {
        tokio::select! {
            biased;
            () = table.closing().cancelled() => break,
            request = requests.recv() => match request {
                Some(Request { launch, reply }) => {
                    // When nobody waits any more, dropping the answer kills the process.
                    let _ = reply.send(start(&table, launch));
                }
                None => break,
            },
        }
    }
    table.close();
    if tokio::time::timeout(REAP_TIME, table.all_gone()).await.is_err() {
        tracing::error!("killed processes are still there after {REAP_TIME:?}");
    }
}

fn start(table: &Arc<ProcessTable>, launch: Launch) -> io::Result<RunningProcess> {
    let (output, input) = io::pipe()?;
    let joining = launch.control_group.as_ref().map(ControlGroup::joining).unwrap_or_default();
    let mut words = joining.iter().chain([&launch.program]).chain(&launch.arguments);
    let mut command = Command::new(words.next().unwrap_or(&launch.program));
    command
        .args(words)
        .env_clear()
        .envs(&launch.environment)
        .current_dir(&launch.directory)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(input.try_clone()?)
        .stderr(input);
    let child = command.spawn()?;
    let pid = child.id().ok_or_else(stopped)?;
    let allowed = table.started(&launch.node, &launch.pod, pid);
    let (sender, status) = watch::channel(None);
    tokio::spawn(reap(Arc::clone(table), (child, launch.control_group), pid, sender));
    let process = RunningProcess { pid, output: Some(output), status, table: Arc::clone(table) };
    if allowed { Ok(process) } else { Err(stopped()) }
}

async fn reap(
    table: Arc<ProcessTable>,
    (mut child, group): (Child, Option<ControlGroup>),
    pid: u32,
    sender: watch::Sender<Option<ProcessStatus>>,
) {
    let status = match child.wait().await {
        Ok(status) => translate(status, group.as_ref()),
        Err(error) => {
            tracing::error!(pid, %error, "waiting for a process failed; it is killed");
            table.signal(pid, Signal::KILL);
            ProcessStatus::Signal(Signal::KILL.as_raw())
        }
    };
    let status = table.ended(pid, status);
    // It waits for what is left in the group to disappear.
    let _ = tokio::task::spawn_blocking(move || drop(group)).await;
    sender.send_replace(Some(status));
}

/// How a process ended. Whatever it left as its status, it was the kernel that ended it where that
/// killed in its group for want of memory: a shell, say, tells of its child's death by a code.
fn translate(status: ExitStatus, group: Option<&ControlGroup>) -> ProcessStatus {
    if !status.success() && group.is_some_and(|group| group.oom_kills() > 0) {
        return ProcessStatus::OutOfMemory(OomKiller::Kernel);
    }
    match (status.code(), status.signal()) {
        (Some(code), _) => ProcessStatus::Code(code),
        (None, signal) => ProcessStatus::Signal(signal.unwrap_or_default()),
    }
}
