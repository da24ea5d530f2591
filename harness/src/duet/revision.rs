//! The program as it was at a revision: built in a work tree of its own, and kept in a cache.

use crate::exit::Failure;
use crate::progress::Progress;
use anyhow::{Context, anyhow};
use rustix::process::{Signal, kill_process_group};
use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

/// The program's file in the folder that cargo writes to.
const PROGRAM: &str = "release/stormgauge";
/// How often the end of another gate's build is looked for.
const LOCK_LOOK_EVERY: Duration = Duration::from_millis(200);

/// The folder that keeps built programs: `$XDG_CACHE_HOME/stormgauge`, or `~/.cache/stormgauge`.
///
/// # Errors
/// When neither variable says where caches are.
pub fn cache() -> Result<PathBuf, Failure> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    named("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| named("HOME").map(|home| Path::new(&home).join(".cache")))
        .map(|caches| caches.join("stormgauge"))
        .ok_or_else(|| {
            Failure::not_ready(anyhow!("neither XDG_CACHE_HOME nor HOME says where to build"))
        })
}

/// The program built from the revision `name` of the repository around the current folder `at`.
///
/// A program that has been built before is used again. The work tree is removed afterwards, and
/// its registration with it; what cargo wrote stays, so that the next revision builds quicker. As
/// every revision is built to the same place, a lock lets one gate build at a time.
///
/// # Errors
/// When `at` is in no git repository, the revision is unknown, or the build fails.
pub async fn build(
    name: &str,
    at: &Path,
    cache: &Path,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Result<PathBuf, Failure> {
    let commit = commit(name, at).await?;
    let program = cache.join("programs").join(format!("stormgauge-{commit}"));
    let _lock = lock(cache, progress, cancel).await?;
    if program.is_file() {
        progress.say(&format!("baseline: revision {name} ({commit}), built before"));
        return Ok(program);
    }
    let short = commit.get(..12).unwrap_or(&commit);
    progress.say(&format!("baseline: building revision {name} ({short}); minutes the first time"));
    let tree = cache.join("trees").join(format!("{commit}-{}", std::process::id()));
    let target = cache.join("target");
    let (tree_name, add) = (tree.as_os_str(), ["worktree", "add", "--detach"].map(OsStr::new));
    let added = git(at, &[&add[..], &[tree_name, OsStr::new(&commit)]].concat()).await;
    added.map_err(Failure::not_ready)?;
    let built = cargo(&tree, &target, progress, cancel).await;
    let remove = ["worktree", "remove", "--force"].map(OsStr::new);
    let removed = git(at, &[&remove[..], &[tree_name]].concat()).await;
    built?;
    removed.map_err(Failure::not_ready)?;
    keep(&target.join(PROGRAM), &program).map_err(Failure::not_ready)?;
    Ok(program)
}

/// Waits until no other gate builds in the cache; the next may when what is returned is dropped.
async fn lock(
    cache: &Path,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Result<File, Failure> {
    let path = cache.join("lock");
    let cannot = |error: io::Error| {
        Failure::not_ready(anyhow!(error).context(format!("cannot lock {}", path.display())))
    };
    fs::create_dir_all(cache).map_err(cannot)?;
    let file = File::create(&path).map_err(cannot)?;
    let mut said = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(cannot(error)),
            Err(TryLockError::WouldBlock) if cancel.is_cancelled() => {
                return Err(Failure::not_ready(anyhow!("stopped while another gate was building")));
            }
            Err(TryLockError::WouldBlock) => {}
        }
        if !std::mem::replace(&mut said, true) {
            progress.say("baseline: waiting for another gate that builds one");
        }
        tokio::time::sleep(LOCK_LOOK_EVERY).await;
    }
}

/// The full id of a revision's commit.
async fn commit(name: &str, at: &Path) -> Result<String, Failure> {
    let usage = |error: anyhow::Error| Failure::usage(error.context("--baseline-rev"));
    git(at, &["rev-parse", "--show-toplevel"].map(OsStr::new)).await.map_err(|error| {
        usage(error.context(format!("{} is in no git repository", at.display())))
    })?;
    let wanted = format!("{name}^{{commit}}");
    let words = ["rev-parse", "--verify", "--quiet", "--end-of-options", &wanted].map(OsStr::new);
    git(at, &words).await.map_err(|_| usage(anyhow!("there is no revision `{name}`")))
}

/// Runs git and returns what it printed.
async fn git(at: &Path, words: &[&OsStr]) -> anyhow::Result<String> {
    let mut command = Command::new("git");
    let output = command.arg("-C").arg(at).args(words).stdin(Stdio::null()).output().await;
    let output = output.context("cannot run git")?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "git: {}", said.trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Builds the program in a work tree, showing what cargo says; stopped on cancellation.
async fn cargo(
    tree: &Path,
    target: &Path,
    progress: &Progress,
    cancel: &CancellationToken,
) -> Result<(), Failure> {
    let mut child = Command::new("cargo")
        .args(["build", "--release", "-p", "harness", "--bin", "stormgauge"])
        .current_dir(tree)
        .env("CARGO_TARGET_DIR", target)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // The compilers that cargo has started must end with it.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .context("cannot run cargo")
        .map_err(Failure::not_ready)?;
    let said = child.stderr.take().map(|stderr| BufReader::new(stderr).lines());
    let show = async {
        let Some(mut lines) = said else { return };
        while let Ok(Some(line)) = lines.next_line().await {
            progress.say(line.trim_end());
        }
    };
    let status = tokio::select! {
        (status, ()) = async { tokio::join!(child.wait(), show) } => status,
        () = cancel.cancelled() => {
            let group = child.id().and_then(crate::child::pid);
            let _gone = group.map(|group| kill_process_group(group, Signal::KILL));
            child.wait().await.map_err(Failure::not_ready)?;
            return Err(Failure::not_ready(anyhow!("the build of the baseline was stopped")));
        }
    };
    let status = status.map_err(Failure::not_ready)?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::not_ready(anyhow!("cargo cannot build the baseline's revision: {status}")))
}

/// Copies the program into the cache, whole and on disk or not at all.
fn keep(built: &Path, program: &Path) -> anyhow::Result<()> {
    let folder = program.parent().unwrap_or(Path::new("."));
    let copy = program.with_extension("tmp");
    fs::create_dir_all(folder)
        .and_then(|()| fs::copy(built, &copy))
        .and_then(|_| File::open(&copy)?.sync_all())
        .and_then(|()| fs::rename(&copy, program))
        .and_then(|()| File::open(folder)?.sync_all())
        .with_context(|| format!("cannot keep {} as {}", built.display(), program.display()))
}
