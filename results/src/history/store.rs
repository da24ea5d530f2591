//! The file of a history: appended under a lock, read within bounds.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::file::{self, FileError};
use crate::history::{HISTORY_BYTES_MAX, History, HistoryEntry, HistoryError, LINE_BYTES_MAX};

/// Reads the history at `path`; one that is not there yet is empty.
///
/// # Errors
/// Names the file and why it cannot be read, or the line that is wrong.
pub fn read(path: &Path) -> Result<History, HistoryError> {
    let io = |source| FileError::Io { path: path.to_owned(), action: "read", source };
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(History::default()),
        opened => opened.map_err(io)?,
    };
    // Whoever appends has the file for itself; half of what it writes is never seen.
    file.lock_shared().map_err(io)?;
    let text = file::read_bounded(path, HISTORY_BYTES_MAX)?;
    History::parse(&text, &path.display().to_string())
}

/// Appends `entries` to the history at `path` in one write, and waits for the disk. An advisory
/// lock on the file keeps appenders apart, so that none loses what another writes.
///
/// A last line that was cut off is completed with its end if it is whole, and otherwise moved to a
/// file of its own beside the history; the sentence returned says so.
///
/// # Errors
/// Names the file and why it cannot be written; it then holds what it held before.
pub fn append(path: &Path, entries: &[HistoryEntry]) -> Result<Option<String>, HistoryError> {
    let mut lines = String::new();
    for entry in entries {
        lines += &entry.to_line().map_err(|problem| {
            HistoryError::Run(format!("{} {}: {problem}", entry.run, entry.strategy))
        })?;
        lines.push('\n');
    }
    let io = |action| move |source| FileError::Io { path: path.to_owned(), action, source };
    let is_new = !path.exists();
    let mut options = OpenOptions::new();
    let mut file = options.read(true).append(true).create(true).open(path).map_err(io("open"))?;
    file.lock().map_err(io("lock"))?;
    let warning = repair(&mut file, path)?;
    let length = file.metadata().map_err(io("read"))?.len();
    if length.saturating_add(lines.len() as u64) > HISTORY_BYTES_MAX {
        let (path, limit_bytes) = (path.to_owned(), HISTORY_BYTES_MAX);
        return Err(FileError::TooLarge { path, limit_bytes }.into());
    }
    if let Err(error) = file.write_all(lines.as_bytes()).and_then(|()| file.sync_all()) {
        // A full disk may have taken a part; the first error is the one worth reporting.
        let _ = file.set_len(length);
        return Err(io("append to")(error).into());
    }
    if is_new {
        file::sync_folder(path).map_err(io("flush the folder of"))?;
    }
    Ok(warning)
}

/// Makes the file end in a whole line, and says what was done for that.
fn repair(file: &mut File, path: &Path) -> Result<Option<String>, HistoryError> {
    let io = |source| FileError::Io { path: path.to_owned(), action: "repair", source };
    let length = file.metadata().map_err(io)?.len();
    let (start, tail) = tail(file, length).map_err(io)?;
    if tail.is_empty() {
        return Ok(None);
    }
    let is_whole = str::from_utf8(&tail).is_ok_and(|line| HistoryEntry::parse(line).is_ok());
    if is_whole {
        file.write_all(b"\n").map_err(io)?;
        return Ok(Some(format!("{}: the last line had no end; it has now.", path.display())));
    }
    if tail.len() > LINE_BYTES_MAX {
        let problem = format!("more than {LINE_BYTES_MAX} bytes without the end of a line");
        return Err(HistoryError::Run(format!("{}: {problem}", path.display())));
    }
    let aside = aside(path, start);
    file::write_atomic(&aside, &tail)?;
    file.set_len(start).and_then(|()| file.sync_all()).map_err(io)?;
    let bytes = tail.len();
    let (path, aside) = (path.display(), aside.display());
    Ok(Some(format!("{path}: the last line was cut off after {bytes} bytes; moved to {aside}.")))
}

/// What follows the last end of a line, and where it starts.
fn tail(file: &mut File, length: u64) -> io::Result<(u64, Vec<u8>)> {
    let start = length.saturating_sub(LINE_BYTES_MAX as u64 + 1);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    Read::by_ref(file).take(LINE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes)?;
    let line = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let tail = bytes.split_off(line);
    Ok((start + line as u64, tail))
}

/// The file that takes a cut-off line, named after the place where it began.
fn aside(path: &Path, start: u64) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".cut-off-at-{start}"));
    path.with_file_name(name)
}
