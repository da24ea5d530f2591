//! The one door through which time comes in.
#![expect(clippy::disallowed_methods, reason = "this is the door")]

mod own;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

pub use own::{timestamp_of_process, unix_us_of_process};

/// A monotonic instant and the wall-clock time at that instant, read together.
///
/// Stamps carry wall-clock time, pacing uses the monotonic clock; one anchor a trial ties them, so
/// that a step of the wall clock during a trial moves no measurement.
#[derive(Debug, Clone, Copy)]
pub struct Anchor {
    instant: Instant,
    unix_us: u64,
}

impl Anchor {
    /// An anchor at this moment.
    pub fn now() -> Self {
        Self::ahead(Duration::ZERO)
    }

    /// An anchor that lies `ahead` of now.
    pub fn ahead(ahead: Duration) -> Self {
        Self { instant: Instant::now() + ahead, unix_us: unix_us() + micros(ahead) }
    }

    /// The anchor as microseconds since the Unix epoch.
    pub fn unix_us(&self) -> u64 {
        self.unix_us
    }

    /// The anchor's instant for timers.
    pub fn instant(&self) -> Instant {
        self.instant
    }

    /// Nanoseconds since the anchor; negative before it.
    pub fn elapsed_ns(&self) -> i64 {
        let now = Instant::now();
        match now.checked_duration_since(self.instant) {
            Some(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
            None => -i64::try_from((self.instant - now).as_nanos()).unwrap_or(i64::MAX),
        }
    }

    /// Time since the anchor; zero before it.
    pub fn elapsed(&self) -> Duration {
        Duration::from_nanos(u64::try_from(self.elapsed_ns()).unwrap_or(0))
    }

    /// Now, in microseconds since the Unix epoch, by the monotonic clock from the anchor.
    pub fn now_us(&self) -> i64 {
        i64::try_from(self.unix_us).unwrap_or(i64::MAX).saturating_add(self.elapsed_ns() / 1000)
    }
}

/// Now as microseconds since the Unix epoch.
pub fn unix_us() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, micros)
}

/// Now as RFC 3339 in UTC.
pub fn rfc3339() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Now as a compact stamp for folder names.
pub fn folder_stamp() -> String {
    jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string()
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// When a process started, in clock ticks since boot: with its id it names a process for good.
/// Absent for a process that has ended, and zero where the system does not tell.
pub fn start_ticks(pid: u32) -> Option<u64> {
    if std::path::Path::new("/proc/self/stat").exists() {
        stat(pid).map(|(_, ticks)| ticks)
    } else {
        let pid = crate::child::pid(pid)?;
        rustix::process::test_kill_process(pid).is_ok().then_some(0)
    }
}

/// The living processes of the group that a process led since `ticks`, itself included: a worker
/// of the user's may have children of its own, which do not die with it.
pub fn group_members(leader: u32, ticks: u64) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return (start_ticks(leader) == Some(ticks)).then_some(leader).into_iter().collect();
    };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    pids.filter(|pid| {
        stat(*pid).is_some_and(|(group, started)| group == leader && started >= ticks)
    })
    .collect()
}

/// Process group and start of a process that has not ended.
fn stat(pid: u32) -> Option<(u32, u64)> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    // A process that has ended and waits for its parent holds nothing any more.
    if matches!(fields.first(), Some(&"Z" | &"X")) {
        return None;
    }
    Some((fields.get(2)?.parse().ok()?, fields.get(19)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_ahead_is_reached_later() {
        let anchor = Anchor::ahead(Duration::from_secs(60));
        assert!(anchor.elapsed_ns() < 0);
        assert_eq!(anchor.elapsed(), Duration::ZERO);
        assert!(anchor.now_us() < i64::try_from(anchor.unix_us()).unwrap());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_that_is_not_there_has_no_start() {
        assert!(start_ticks(std::process::id()).is_some_and(|ticks| ticks > 0));
        assert_eq!(start_ticks(u32::MAX), None);
    }
}
