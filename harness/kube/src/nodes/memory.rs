//! The memory of containers, and the limit of one that has no control group.
//!
//! A kernel refuses the page that is too many. Here a container's main process is looked at every
//! 20 ms, so that it may have a little more for so long.

use std::sync::Arc;
use std::time::Duration;

use super::kubelet::Boot;
use super::launcher::RunningProcess;
use super::process::{OomKiller, ProcessStatus};

const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Bytes of memory that a process has; 0 where the system does not say.
pub(super) fn resident_bytes(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let pages = text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0).saturating_mul(rustix::param::page_size() as u64)
}

/// Kills a process as out of memory once it has more than `limit` bytes.
pub(super) fn hold_to(boot: &Boot, process: &RunningProcess, limit: u64) {
    let machine = Arc::clone(&boot.machine);
    let (pid, end) = (process.pid(), process.end());
    boot.spawn_to_end(async move {
        let above = async {
            while resident_bytes(pid) <= limit {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::select! {
            biased;
            _ = end => {}
            () = above => {
                let cause = Some(ProcessStatus::OutOfMemory(OomKiller::Kubelet));
                machine.launcher.table().kill(&machine.spec.name, pid, cause);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_has_memory_and_none_that_is_not_there_has() {
        assert!(resident_bytes(std::process::id()) > 100_000);
        assert_eq!(resident_bytes(u32::MAX), 0);
    }
}
