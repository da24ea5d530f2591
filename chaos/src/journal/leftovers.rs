//! What a journal says is still there: processes not ended and faults not healed.

use std::collections::BTreeMap;

use super::{JournalEntry, JournalLine, JournalProblem};

/// The most processes, and the most faults, that are kept in mind at once.
pub const LEFTOVERS_MAX: usize = 65_536;

/// A process that was started and not seen to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftProcess {
    /// Process id.
    pub pid: u32,
    /// Process group.
    pub group: u32,
    /// Start in clock ticks since boot; another value means that the pid was used again.
    pub start_ticks: u64,
    /// What it is.
    pub what: String,
}

/// A fault that was about to be installed and not seen to be over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftFault {
    /// Name of the fault.
    pub name: String,
    /// Its kind, as in the catalogue.
    pub kind: String,
    /// Who is hit.
    pub targets: Vec<String>,
    /// When it heals itself at the latest, in microseconds since the Unix epoch.
    pub healed_by_unix_us: u64,
}

/// What a run left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Leftovers {
    /// The last run begun: process id and start in clock ticks since boot.
    pub owner: Option<(u32, u64)>,
    /// The last run's name.
    pub run: Option<String>,
    /// Whether that run cleaned up after itself.
    pub ended: bool,
    /// Processes in order of their ids.
    pub processes: Vec<LeftProcess>,
    /// Faults in order of their names.
    pub faults: Vec<LeftFault>,
    /// Lines that were not understood.
    pub problems: u64,
    /// Whether there was more than [`LEFTOVERS_MAX`] to keep in mind.
    pub truncated: bool,
}

impl Leftovers {
    /// Plays a journal through.
    pub fn from_lines(lines: impl Iterator<Item = Result<JournalLine, JournalProblem>>) -> Self {
        let mut leftovers = Self::default();
        let mut processes = BTreeMap::new();
        let mut faults = BTreeMap::new();
        for line in lines {
            match line {
                Ok(line) => leftovers.play(line, &mut processes, &mut faults),
                Err(_) => leftovers.problems += 1,
            }
        }
        leftovers.processes = processes.into_values().collect();
        leftovers.faults = faults.into_values().collect();
        leftovers
    }

    fn play(
        &mut self,
        line: JournalLine,
        processes: &mut BTreeMap<(u32, u64), LeftProcess>,
        faults: &mut BTreeMap<String, LeftFault>,
    ) {
        let full = processes.len() >= LEFTOVERS_MAX || faults.len() >= LEFTOVERS_MAX;
        match line.entry {
            JournalEntry::RunStarted { pid, start_ticks, run } => {
                self.owner = Some((pid, start_ticks));
                self.run = Some(run);
                self.ended = false;
            }
            JournalEntry::RunEnded { .. } => self.ended = true,
            JournalEntry::ProcessStarted { .. } | JournalEntry::FaultInstalling { .. } if full => {
                self.truncated = true;
            }
            JournalEntry::ProcessStarted { pid, group, start_ticks, what } => {
                let process = LeftProcess { pid, group, start_ticks, what };
                processes.insert((pid, start_ticks), process);
            }
            JournalEntry::ProcessEnded { pid, start_ticks } => {
                processes.remove(&(pid, start_ticks));
            }
            JournalEntry::FaultInstalling { name, kind, targets, limit_us } => {
                let healed_by_unix_us = line.unix_us.saturating_add(limit_us);
                faults.insert(name.clone(), LeftFault { name, kind, targets, healed_by_unix_us });
            }
            JournalEntry::FaultSkipped { name, .. } | JournalEntry::FaultHealed { name, .. } => {
                faults.remove(&name);
            }
            JournalEntry::FaultLanded { .. }
            | JournalEntry::FaultIndeterminate { .. }
            | JournalEntry::FaultHealFailed { .. } => {}
        }
    }
}
