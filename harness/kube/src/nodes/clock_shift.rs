//! Nodes whose clocks are wrong.
//!
//! The clock of the machine is everybody's, so a node cannot have one of its own. Its processes are
//! told instead, in a file that an environment variable names, by how much their clock is off; who
//! does not look there has the right time. The kubelet always has it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::NodeHandle;
use super::kubelet::Machine;

/// Names the file with a [`ClockShift`], which is there only while the clock is wrong.
pub const CLOCK_FILE: &str = "NODE_CLOCK_FILE";

/// By how much a clock is off, and for how long: the content of the file, in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClockShift {
    /// When it began, in microseconds since the Unix epoch.
    pub since_us: u64,
    /// When it ends by itself, likewise.
    pub until_us: u64,
    /// What the clock shows too much from the beginning on, in microseconds; negative if it shows
    /// too little.
    pub offset_us: i64,
    /// What it gains in each second since, in microseconds; negative if it loses.
    pub drift_us_per_s: i64,
}

impl ClockShift {
    /// A clock that is off by so much from `since_us` on, for `limit` at most.
    pub fn lasting(since_us: u64, limit: Duration, offset_us: i64, drift_us_per_s: i64) -> Self {
        let limit_us = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX);
        let until_us = since_us.saturating_add(limit_us);
        Self { since_us, until_us, offset_us, drift_us_per_s }
    }

    /// What the clock shows too much at this time, in microseconds.
    pub fn at(&self, now_us: u64) -> i64 {
        if now_us >= self.until_us {
            return 0;
        }
        let elapsed = i128::from(now_us.saturating_sub(self.since_us));
        let gained = elapsed * i128::from(self.drift_us_per_s) / 1_000_000;
        i64::try_from(i128::from(self.offset_us) + gained).unwrap_or(i64::MAX)
    }

    /// Reads the file; nothing if there is none, or no such thing in it.
    pub fn read(file: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(file).ok()?).ok()
    }

    /// Writes the file, so that whoever reads it finds all of it.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, file: &Path) -> io::Result<()> {
        let new = file.with_extension("new");
        std::fs::write(&new, serde_json::to_vec(self)?)?;
        std::fs::rename(new, file)
    }

    /// Takes the file away; harmless when there is none.
    ///
    /// # Errors
    /// What the system says.
    pub fn clear(file: &Path) -> io::Result<()> {
        match std::fs::remove_file(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Machine {
    pub(super) fn clock_file(&self) -> PathBuf {
        self.directory.path().join(format!("{}.clock", self.spec.name))
    }
}

impl NodeHandle {
    /// Puts the clock of the node's processes wrong, or right again.
    ///
    /// # Errors
    /// What the system says to the file.
    pub fn shift_clock(&self, shift: Option<ClockShift>) -> io::Result<()> {
        let file = self.machine().clock_file();
        shift.map_or_else(|| ClockShift::clear(&file), |shift| shift.write(&file))
    }

    /// Whether the clock of its processes is wrong.
    pub fn clock_shift(&self) -> Option<ClockShift> {
        ClockShift::read(&self.machine().clock_file())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_off_by_a_step_and_by_what_it_gains_until_it_is_over() {
        let shift = ClockShift {
            since_us: 1_000_000,
            until_us: 9_000_000,
            offset_us: 500,
            drift_us_per_s: -200,
        };
        assert_eq!(shift.at(0), 500);
        assert_eq!(shift.at(1_000_000), 500);
        assert_eq!(shift.at(3_500_000), 0);
        assert_eq!(shift.at(8_999_999), -1_099);
        assert_eq!(shift.at(9_000_000), 0);
    }

    #[test]
    fn a_file_is_there_only_while_the_clock_is_wrong_and_what_is_none_is_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.b.clock");
        let shift = ClockShift { since_us: 1, until_us: 2, offset_us: -3, drift_us_per_s: 4 };
        assert_eq!(ClockShift::read(&file), None);
        shift.write(&file).unwrap();
        assert_eq!(ClockShift::read(&file), Some(shift));
        ClockShift::clear(&file).unwrap();
        ClockShift::clear(&file).unwrap();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        std::fs::write(&file, "{\"since_us\": -1}").unwrap();
        assert_eq!(ClockShift::read(&file), None);
    }
}
