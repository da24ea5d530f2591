//! Control groups of Linux, of both versions: what a group of processes may take of processors and
//! memory, held by the kernel.
//!
//! Version 2 has one tree; a group hands controllers down to its children only when told to, and
//! one that does has no processes of its own. Version 1 has a tree for each controller, in which a
//! group is a directory in each. Sources: `Documentation/admin-guide/cgroup-v2.rst` and
//! `cgroup-v1/{memory,cgroups}.rst` of Linux, `Documentation/scheduler/sched-bwc.rst`.

mod hierarchy;
mod limits;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

pub use hierarchy::{Hierarchy, Version};
pub use limits::Limits;
use limits::SWAP_FILES;

/// How often, and how long after one another, removal is tried while killed processes disappear.
const REMOVAL_TRIES: u32 = 200;
const REMOVAL_WAIT: Duration = Duration::from_millis(10);
/// Joins the groups whose files come before `--`, then becomes what comes after it.
const JOIN: &str =
    r#"until [ "$1" = -- ]; do echo 0 >"$1" || exit 125; shift; done; shift; exec "$@""#;

/// How often and how long groups had to wait for the next period, their quota being used up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Throttled {
    /// Periods at whose end a group had to wait.
    pub periods: u64,
    /// Time that processors waited, summed over them.
    pub time: Duration,
}

impl std::ops::AddAssign for Throttled {
    fn add_assign(&mut self, other: Self) {
        self.periods += other.periods;
        self.time += other.time;
    }
}

/// A group of processes. Dropping it kills all that is in it, and removes it with all below it.
#[derive(Debug)]
pub struct ControlGroup {
    version: Version,
    /// Its directories: that of processors first, that of memory last.
    directories: Vec<PathBuf>,
    limits: Limits,
    /// What groups of the same top that are gone were throttled.
    gone: Arc<Mutex<Throttled>>,
}

impl ControlGroup {
    /// Makes a group below this one, in which no process may be then.
    ///
    /// # Errors
    /// When there is one of that name, or the system refuses.
    pub fn child(&self, name: &str, limits: Limits) -> io::Result<Self> {
        let limits = limits.within(self.limits);
        let mut group = Self::empty(self.version, limits);
        group.gone = Arc::clone(&self.gone);
        group.make(&self.directories, name)?;
        Ok(group)
    }

    /// A group without directories yet.
    fn empty(version: Version, limits: Limits) -> Self {
        Self { version, directories: Vec::new(), limits, gone: Arc::default() }
    }

    /// Makes its directories, and writes its limits.
    fn make(&mut self, parents: &[PathBuf], name: &str) -> io::Result<()> {
        for parent in parents {
            if self.version == Version::Two {
                write(&parent.join("cgroup.subtree_control"), "+cpu +memory")?;
            }
            let directory = parent.join(name);
            fs::create_dir(&directory).map_err(|error| at(&directory, &error))?;
            self.directories.push(directory);
        }
        for (file, value) in self.limits.settings(self.version) {
            let of_cpu = file.starts_with("cpu");
            let directory = if of_cpu { self.directories.first() } else { self.directories.last() };
            let path = directory.map(|directory| directory.join(file)).unwrap_or_default();
            if !SWAP_FILES.contains(&file) || path.exists() {
                write(&path, &value)?;
            }
        }
        Ok(())
    }

    /// Sets its weight against groups beside it, in weights of one of which nothing is said.
    fn weigh(&self, weight: u64) -> io::Result<()> {
        let (file, one, most) = match self.version {
            Version::One => ("cpu.shares", 1_024, 262_144),
            Version::Two => ("cpu.weight", 100, 10_000),
        };
        let value = weight.saturating_mul(one).clamp(one, most).to_string();
        self.directories.first().map_or(Ok(()), |directory| write(&directory.join(file), &value))
    }

    /// The version of its hierarchy.
    pub fn version(&self) -> Version {
        self.version
    }

    /// What to put before a command so that its process is in the group before it is that command.
    pub(crate) fn joining(&self) -> Vec<OsString> {
        let files = self.directories.iter().map(|directory| directory.join("cgroup.procs").into());
        ["/bin/sh", "-c", JOIN, "join"]
            .map(OsString::from)
            .into_iter()
            .chain(files)
            .chain([OsString::from("--")])
            .collect()
    }

    /// Processes of this very group that the kernel killed for want of memory.
    pub(crate) fn oom_kills(&self) -> u64 {
        let file = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        let memory =
            self.directories.last().map(|directory| number(&directory.join(file), "oom_kill"));
        memory.unwrap_or(0)
    }

    /// How much all groups of the same top were throttled, of those that are there only this one
    /// and those below it.
    pub(crate) fn throttled(&self) -> Throttled {
        let mut all = *self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        all += self.throttled_now();
        all
    }

    fn throttled_now(&self) -> Throttled {
        let (key, unit_ns) = match self.version {
            Version::One => ("throttled_time", 1),
            Version::Two => ("throttled_usec", 1_000),
        };
        let mut all = Throttled::default();
        for directory in self.directories.first().into_iter().flat_map(|top| tree(top)) {
            let file = directory.join("cpu.stat");
            let time = Duration::from_nanos(number(&file, key).saturating_mul(unit_ns));
            all += Throttled { periods: number(&file, "nr_throttled"), time };
        }
        all
    }

    /// Kills all that is in the group and below it, and removes them.
    ///
    /// # Errors
    /// When something is still there after two seconds, or the system refuses.
    pub fn remove(&self) -> io::Result<()> {
        let mut tries = 0;
        loop {
            let removed = self.directories.iter().try_for_each(|top| {
                let groups = tree(top);
                groups.iter().for_each(|group| kill_members(group));
                groups.iter().rev().try_for_each(|group| remove_directory(group))
            });
            tries += 1;
            match removed {
                Err(error)
                    if error.kind() == io::ErrorKind::ResourceBusy && tries < REMOVAL_TRIES =>
                {
                    std::thread::sleep(REMOVAL_WAIT);
                }
                removed => return removed,
            }
        }
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        *self.gone.lock().unwrap_or_else(PoisonError::into_inner) += self.throttled_now();
        if let Err(error) = self.remove() {
            tracing::warn!(group = ?self.directories, %error, "a control group was left behind");
        }
    }
}

fn write(path: &Path, value: &str) -> io::Result<()> {
    fs::write(path, value).map_err(|error| at(path, &error))
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// A directory and all below it, parents before children.
fn tree(top: &Path) -> Vec<PathBuf> {
    let mut found = vec![top.to_owned()];
    let mut next = 0;
    while let Some(directory) = found.get(next) {
        let entries = fs::read_dir(directory).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        let folders: Vec<PathBuf> = folders.map(|entry| entry.path()).collect();
        found.extend(folders);
        next += 1;
    }
    found
}

fn kill_members(directory: &Path) {
    let members = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    for pid in members.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)) {
        // One that has gone in the meantime is what is wanted.
        let _ = kill_process(pid, Signal::KILL);
    }
}

/// Removes a directory, which may be gone already.
fn remove_directory(directory: &Path) -> io::Result<()> {
    match fs::remove_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// The number after a key in a file of lines with a key and a number each; 0 without it.
fn number(file: &Path, key: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let value = |line: &str| line.strip_prefix(key)?.trim().parse().ok();
    text.lines().find_map(value).unwrap_or(0)
}

#[cfg(test)]
mod tests;
