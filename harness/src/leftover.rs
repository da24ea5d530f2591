//! What a killed run left behind: found in its journal, and removed.
//!
//! Children die with the harness by themselves; this is for what that missed, and for folders.

use crate::clock;
use crate::run::JOURNAL;
use anyhow::Context;
use chaos::Journal;
use chaos::journal::{JournalEntry, LeftFault, LeftProcess, Leftovers};
use rustix::process::{Signal, kill_process};
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Most runs that are looked at in one folder.
const RUNS_MAX: usize = 10_000;

/// A run that did not end in an orderly way, with what is left of it.
#[derive(Debug)]
pub struct Leftover {
    /// Folder of the run.
    pub directory: PathBuf,
    /// Processes that still live.
    pub processes: Vec<LeftProcess>,
    /// Folders of pods that still exist.
    pub folders: Vec<PathBuf>,
    /// Faults that were installed and never healed; they ended with the run's processes.
    pub faults: Vec<LeftFault>,
    run: String,
}

/// Finds unfinished runs in a folder of runs, or in the folder of one run.
///
/// # Errors
/// When the folder cannot be read.
pub fn find(root: &Path) -> io::Result<Vec<Leftover>> {
    let own = root.join(JOURNAL);
    let mut journals = Vec::new();
    if own.is_file() {
        journals.push(own);
    } else if root.exists() {
        for entry in fs::read_dir(root)?.take(RUNS_MAX) {
            let run = entry?.path();
            journals.push(run.join(JOURNAL));
            // A duet has a run for each trial of its pairs.
            let trials = fs::read_dir(run.join("pairs")).into_iter().flatten().take(RUNS_MAX);
            journals.extend(trials.flatten().map(|trial| trial.path().join(JOURNAL)));
        }
    }
    journals.sort();
    let mut found = Vec::new();
    for journal in journals.into_iter().filter(|path| path.is_file()) {
        match unfinished(&journal) {
            Ok(leftover) => found.extend(leftover),
            // One journal that cannot be read must not hide the others.
            Err(error) => crate::note!("{}: {error}", journal.display()),
        }
    }
    Ok(found)
}

/// The leftover of one journal, unless its run has ended or still goes on.
fn unfinished(journal: &Path) -> io::Result<Option<Leftover>> {
    let left = Leftovers::from_lines(Journal::read(journal)?);
    // A journal without an owner says nothing that could be acted upon.
    let Some((harness, ticks)) = left.owner else { return Ok(None) };
    if left.ended || is_alive(harness, ticks) {
        return Ok(None);
    }
    let directory = journal.parent().unwrap_or(Path::new("")).to_owned();
    let mut processes = Vec::new();
    for left in left.processes {
        processes.extend(
            clock::group_members(left.pid, left.start_ticks)
                .into_iter()
                .map(|pid| LeftProcess { pid, ..left.clone() }),
        );
    }
    Ok(Some(Leftover {
        processes,
        folders: folders(harness),
        faults: left.faults,
        run: left.run.unwrap_or_default(),
        directory,
    }))
}

/// Working folders of pods: the control plane of a harness names them after its process.
fn folders(harness: u32) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return Vec::new() };
    // Its number may belong to another harness by now, whose folders are its own.
    if clock::start_ticks(harness).is_some() {
        return Vec::new();
    }
    let prefix = format!("embedded-kube-{harness}-");
    let own = entries.filter_map(Result::ok).filter(|entry| {
        // A link of that name could lead anywhere.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        is_folder && entry.file_name().to_string_lossy().starts_with(&prefix)
    });
    own.map(|entry| entry.path()).collect()
}

/// Whether a process lives and is the one that was journaled, not another with its number.
fn is_alive(pid: u32, start_ticks: u64) -> bool {
    clock::start_ticks(pid) == Some(start_ticks)
}

impl Leftover {
    /// Takes over the run, kills its processes, removes its folders and marks it as ended.
    ///
    /// # Errors
    /// When another process is at it, a folder cannot be removed or the journal cannot be written.
    pub fn remove(&self) -> anyhow::Result<()> {
        let path = self.directory.join(JOURNAL);
        let journal = Journal::create(&path).with_context(|| path.display().to_string())?;
        for process in &self.processes {
            // A process that has gone in the meantime is what is wanted.
            if let Some(pid) = crate::child::pid(process.pid) {
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        for folder in &self.folders {
            fs::remove_dir_all(folder)?;
        }
        let note = "marked as ended by clean";
        journal.append_noted(JournalEntry::RunEnded { run: self.run.clone() }, note)?;
        Ok(())
    }
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: did not end in an orderly way", self.directory.display())?;
        for process in &self.processes {
            write!(f, "\n  process {} ({})", process.pid, process.what)?;
        }
        for folder in &self.folders {
            write!(f, "\n  folder {}", folder.display())?;
        }
        for fault in &self.faults {
            write!(f, "\n  fault {} was in force; it ended with the harness", fault.name)?;
        }
        Ok(())
    }
}
