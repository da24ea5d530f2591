//! A pod's log file: what its processes write, up to a limit.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

/// A log file grows no further than this; the rest of the output is read and dropped.
pub(super) const LOG_BYTES_MAX: u64 = 4 << 20;
/// How long output is still read after a container's main process has ended. Whoever inherited the
/// pipe and outlived it does not hold the log open longer.
pub(super) const DRAIN_TIME: Duration = Duration::from_millis(200);

const LIMIT_NOTE: &[u8] = b"\n[the log ends here: its limit is reached]\n";

/// The log file of a pod.
pub(super) fn path(directory: &Path, pod: &str) -> PathBuf {
    // Names come from API objects; none may lead out of the directory.
    let name: String = pod
        .chars()
        .map(|it| if it == '/' || it == '\\' || it == '\0' { '_' } else { it })
        .collect();
    directory.join(format!("{name}.log"))
}

/// Opens the log to append, and says how many bytes it holds already.
///
/// # Errors
/// When the file cannot be created.
pub(super) async fn open(directory: &Path, pod: &str) -> io::Result<(File, u64)> {
    tokio::fs::create_dir_all(directory).await?;
    let file = OpenOptions::new().create(true).append(true).open(path(directory, pod)).await?;
    let length = file.metadata().await?.len();
    Ok((file, length))
}

/// Copies `output` to `file` until its end. The file, `written` bytes long now, grows to `limit`
/// and a note; what follows is read all the same, so that the writer is never blocked.
pub(super) async fn copy(
    mut output: impl AsyncRead + Unpin,
    mut file: File,
    mut written: u64,
    limit: u64,
) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(length @ 1..) = output.read(&mut buffer).await {
        let room = usize::try_from(limit.saturating_sub(written)).unwrap_or(usize::MAX);
        if room == 0 {
            continue;
        }
        let kept = length.min(room);
        let mut outcome = file.write_all(&buffer[..kept]).await;
        written += kept as u64;
        if kept == room && outcome.is_ok() {
            outcome = file.write_all(LIMIT_NOTE).await;
        }
        // Each piece is on its way to the disk before the next is read: logs are read live.
        if outcome.is_err() || file.flush().await.is_err() {
            written = limit;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_log_is_appended_to_up_to_its_limit() {
        let directory = tempfile::tempdir().unwrap();
        for text in ["first ", "second"] {
            let (file, length) = open(directory.path(), "web-1").await.unwrap();
            copy(text.as_bytes(), file, length, 10).await;
        }
        let (file, length) = open(directory.path(), "web-1").await.unwrap();
        copy(&b"third"[..], file, length, 10).await;
        let log = std::fs::read_to_string(path(directory.path(), "web-1")).unwrap();
        assert_eq!(log, format!("first seco{}", String::from_utf8_lossy(LIMIT_NOTE)));
    }

    #[test]
    fn no_pod_name_leads_out_of_the_directory() {
        let file = path(Path::new("/logs"), "../../etc/x");
        assert_eq!(file, Path::new("/logs/.._.._etc_x.log"));
    }
}
