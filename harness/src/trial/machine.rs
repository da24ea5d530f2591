//! The machine and this process on it: what they are and how busy they were.
//!
//! Read from `/proc`; where there is none, figures are absent rather than guessed.

use crate::clock::Anchor;
use std::fs;
use std::time::Duration;

/// Processor time since a start, of this process and of the whole machine.
#[derive(Debug)]
pub struct Usage {
    anchor: Anchor,
    process_start: Duration,
}

impl Usage {
    /// Starts counting now.
    pub fn start() -> Self {
        Self { anchor: Anchor::now(), process_start: process_time().unwrap_or_default() }
    }

    /// Share of all processors that this process has used since the start, 0 to 1.
    pub fn process_share(&self) -> f64 {
        let used = process_time().unwrap_or_default().saturating_sub(self.process_start);
        let passed = self.anchor.elapsed().as_secs_f64() * f64::from(processors());
        if passed > 0.0 { used.as_secs_f64() / passed } else { 0.0 }
    }
}

/// Busy and total time of the machine since it was started, in ticks.
#[derive(Debug, Clone, Copy)]
pub(super) struct MachineTicks {
    busy: u64,
    total: u64,
}

impl MachineTicks {
    /// Reads the counters.
    pub(super) fn read() -> Option<Self> {
        let text = fs::read_to_string("/proc/stat").ok()?;
        let ticks: Vec<u64> = text
            .lines()
            .next()?
            .split_whitespace()
            .skip(1)
            .map_while(|word| word.parse().ok())
            .collect();
        let total = ticks.iter().take(8).sum();
        let idle: u64 = ticks.iter().skip(3).take(2).sum();
        Some(Self { busy: u64::saturating_sub(total, idle), total })
    }

    /// Busy share between an earlier reading and this one, 0 to 1.
    pub(super) fn share_since(self, earlier: Self) -> Option<f64> {
        let total = self.total.checked_sub(earlier.total).filter(|total| *total > 0)?;
        Some(self.busy.saturating_sub(earlier.busy) as f64 / total as f64)
    }
}

/// Most memory that this process has held, in bytes; zero where it cannot be read.
pub(super) fn memory_bytes_max() -> u64 {
    field_kib("/proc/self/status", "VmHWM:").unwrap_or(0)
}

/// What this machine is.
pub(super) fn describe() -> results::Machine {
    let name = rustix::system::uname();
    results::Machine {
        os: name.sysname().to_string_lossy().into_owned(),
        kernel: name.release().to_string_lossy().into_owned(),
        cpus: processors(),
        cpu_model: cpu_model().unwrap_or_else(|| "unknown".to_owned()),
        memory_bytes: field_kib("/proc/meminfo", "MemTotal:").unwrap_or(0),
    }
}

fn processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |count| count.get() as u32)
}

fn cpu_model() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn field_kib(file: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// User and system time of this process.
fn process_time() -> Option<Duration> {
    let text = fs::read_to_string("/proc/self/stat").ok()?;
    // The command's name may hold spaces; fields are counted from behind it.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_is_of_the_time_between_two_readings() {
        let earlier = MachineTicks { busy: 100, total: 1000 };
        let later = MachineTicks { busy: 150, total: 1100 };
        assert_eq!(later.share_since(earlier), Some(0.5));
        assert_eq!(earlier.share_since(earlier), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_memory_and_a_machine() {
        assert!(memory_bytes_max() > 1 << 20);
        assert!(describe().memory_bytes > memory_bytes_max());
        assert!(process_time().is_some());
    }
}
