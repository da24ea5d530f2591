//! Bounded reading and atomic writing of whole files.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The operating system refused.
    #[error("{}: cannot {action}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was attempted.
        action: &'static str,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The file is larger than anything this program writes.
    #[error("{}: larger than the limit of {limit_bytes} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The limit, in bytes.
        limit_bytes: u64,
    },
}

/// Reads the text file at `path`, refusing one of more than `limit_bytes`.
///
/// # Errors
/// Names the file and why it cannot be read; text that is not UTF-8 is refused too.
pub fn read_bounded(path: &Path, limit_bytes: u64) -> Result<String, FileError> {
    let io = |source| FileError::Io { path: path.to_owned(), action: "read", source };
    let mut text = String::new();
    let limit = limit_bytes.saturating_add(1);
    File::open(path).map_err(io)?.take(limit).read_to_string(&mut text).map_err(io)?;
    if text.len() as u64 > limit_bytes {
        return Err(FileError::TooLarge { path: path.to_owned(), limit_bytes });
    }
    Ok(text)
}

/// Writes `bytes` to `path` whole or not at all: into a temporary file beside it, which is
/// flushed to disk and then renamed over `path`.
///
/// # Errors
/// Names the file and why it cannot be written; `path` is then as it was before.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let io = |action| move |source| FileError::Io { path: path.to_owned(), action, source };
    let Some(name) = path.file_name() else {
        return Err(io("write")(io::Error::new(io::ErrorKind::InvalidInput, "not a file name")));
    };
    let mut temporary_name = OsString::from(".");
    temporary_name.push(name);
    temporary_name.push(format!(".{}.tmp", std::process::id()));
    let temporary = path.with_file_name(temporary_name);
    let written = File::create(&temporary)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .map_err(io("write"))
        .and_then(|()| fs::rename(&temporary, path).map_err(io("rename into place")));
    if written.is_err() {
        // The first error is the one worth reporting; the temporary file may not even exist.
        let _ = fs::remove_file(&temporary);
        return written;
    }
    sync_folder(path).map_err(io("flush the folder of"))
}

/// The rename is durable only once the folder itself is on disk.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_written_file_reads_back_and_leaves_no_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        write_atomic(&path, b"one").unwrap();
        write_atomic(&path, b"two").unwrap();
        assert_eq!(read_bounded(&path, 3).unwrap(), "two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_over_the_limit_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("big.json");
        write_atomic(&path, b"four").unwrap();
        let error = read_bounded(&path, 3).unwrap_err().to_string();
        assert!(error.contains("big.json") && error.contains("3 bytes"), "{error}");
    }

    #[test]
    fn a_folder_that_is_missing_is_named() {
        let error = write_atomic(Path::new("/nowhere/at/all.json"), b"x").unwrap_err().to_string();
        assert!(error.starts_with("/nowhere/at/all.json: cannot write"), "{error}");
    }
}
