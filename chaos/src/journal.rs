//! The journal: JSON lines, written and fsynced before what they announce is done, so that what
//! a killed run left behind can be found and undone.
//!
//! Its file is locked as long as it is open: at most one harness owns what the journal tells of.
//! The lock is the kernel's, so that a dead owner has none.

mod leftovers;
mod reader;
#[cfg(test)]
mod tests;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

pub use leftovers::{LEFTOVERS_MAX, LeftFault, LeftProcess, Leftovers};
pub use reader::{JournalProblem, JournalReader};

use crate::clock;

/// The longest line in bytes, without its newline, that is written or read.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// Something that is about to be done, or that was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalEntry {
    /// A run begins; the pid and its start time name the harness beyond doubt.
    RunStarted {
        /// Process id of the harness.
        pid: u32,
        /// Start of that process in clock ticks since boot.
        start_ticks: u64,
        /// Name of the run.
        run: String,
    },
    /// A process was started that must be gone at the end.
    ProcessStarted {
        /// Process id.
        pid: u32,
        /// Process group.
        group: u32,
        /// Start of that process in clock ticks since boot.
        start_ticks: u64,
        /// What it is, such as `worker node-1/job-a`.
        what: String,
    },
    /// A process is gone.
    ProcessEnded {
        /// Process id.
        pid: u32,
        /// Start of that process in clock ticks since boot.
        start_ticks: u64,
    },
    /// A fault is about to be installed.
    FaultInstalling {
        /// Name of the fault.
        name: String,
        /// Its kind, as in the catalogue.
        kind: String,
        /// Who is hit.
        targets: Vec<String>,
        /// The target heals itself within this many microseconds.
        limit_us: u64,
    },
    /// There is evidence that a fault landed.
    FaultLanded {
        /// Name of the fault.
        name: String,
        /// What was measured.
        evidence: String,
    },
    /// A fault was not installed.
    FaultSkipped {
        /// Name of the fault.
        name: String,
        /// Why not.
        reason: String,
    },
    /// A fault may have been installed, but nothing proves that it landed.
    FaultIndeterminate {
        /// Name of the fault.
        name: String,
        /// Why it is not known.
        reason: String,
    },
    /// A fault is over.
    FaultHealed {
        /// Name of the fault.
        name: String,
        /// What was measured on healing.
        measured: String,
    },
    /// A fault could not be ended; its own time limit is what remains.
    FaultHealFailed {
        /// Name of the fault.
        name: String,
        /// The last error.
        error: String,
    },
    /// A run has cleaned up after itself.
    RunEnded {
        /// Name of the run.
        run: String,
    },
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalLine {
    /// When it was written, in microseconds since the Unix epoch.
    pub unix_us: u64,
    /// What it says.
    pub entry: JournalEntry,
    /// Words for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Why a journal could not be opened for writing.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("a running harness owns it{}", owner.map(|pid| format!(": process {pid}")).unwrap_or_default())]
    Owned {
        /// Its process id; unknown until it has said that its run begins.
        owner: Option<u32>,
    },
    /// The file system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Why a line could not be written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system refused.
    #[error("write journal: {0}")]
    Io(#[from] io::Error),
    /// The entry is not a JSON line of bounded length.
    #[error("write journal: the line has {bytes} bytes; allowed: up to {LINE_BYTES_MAX}")]
    LineTooLong {
        /// Length of the refused line.
        bytes: usize,
    },
    /// The entry has no JSON form.
    #[error("write journal: {0}")]
    Json(#[from] serde_json::Error),
}

/// An open journal. Clones write to the same file, one whole line at a time.
#[derive(Debug, Clone)]
pub struct Journal {
    file: Arc<Mutex<File>>,
}

impl Journal {
    /// Opens a journal for appending, creates it if there is none, and owns it until the last
    /// clone is dropped. A line that an earlier run left torn is closed, so that it spoils no other.
    ///
    /// # Errors
    /// When another process owns it, or what the file system says.
    pub fn create(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let owner = Leftovers::from_lines(Self::read(path)?).owner.map(|(pid, _)| pid);
                return Err(OpenError::Owned { owner });
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        if file.seek(SeekFrom::End(0))? > 0 {
            file.seek(SeekFrom::End(-1))?;
            let mut last = [0];
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
            }
        }
        file.sync_all()?;
        // The name must be as durable as the lines; some systems refuse to sync a folder.
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            let _refused = File::open(folder).and_then(|folder| folder.sync_all());
        }
        Ok(Self { file: Arc::new(Mutex::new(file)) })
    }

    /// Writes a line and returns when it is on disk. It blocks: not for use in async code.
    ///
    /// # Errors
    /// The file system refused, or the line is longer than [`LINE_BYTES_MAX`].
    pub fn append(&self, entry: JournalEntry) -> Result<(), JournalError> {
        self.append_line(&JournalLine { unix_us: clock::unix_us(), entry, note: None })
    }

    /// As [`Journal::append`], with words for people.
    ///
    /// # Errors
    /// As [`Journal::append`].
    pub fn append_noted(&self, entry: JournalEntry, note: &str) -> Result<(), JournalError> {
        let note = Some(note.to_owned());
        self.append_line(&JournalLine { unix_us: clock::unix_us(), entry, note })
    }

    /// Reads a journal line by line, whatever is in it.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn read(path: impl AsRef<Path>) -> io::Result<JournalReader<io::BufReader<File>>> {
        Ok(JournalReader::new(io::BufReader::new(File::open(path)?)))
    }

    fn append_line(&self, line: &JournalLine) -> Result<(), JournalError> {
        let mut bytes = serde_json::to_vec(line)?;
        if bytes.len() > LINE_BYTES_MAX {
            return Err(JournalError::LineTooLong { bytes: bytes.len() });
        }
        bytes.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&bytes)?;
        file.sync_data()?;
        Ok(())
    }
}
