//! The clock of the processes that this program starts as workers and operators: that of the
//! machine, unless a fault has put it wrong.

use super::unix_us;
use embedded_kube::{CLOCK_FILE, ClockShift};
use jiff::Timestamp;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, PoisonError, RwLock};

/// How often the file is looked at, in microseconds: it is asked for with every result.
const LOOK_EVERY_US: u64 = 20_000;

/// Now as microseconds since the Unix epoch, as wrong as the file that [`CLOCK_FILE`] names says.
pub fn unix_us_of_process() -> u64 {
    static CLOCK: LazyLock<Option<OwnClock>> =
        LazyLock::new(|| std::env::var_os(CLOCK_FILE).map(|file| OwnClock::of(file.into())));
    let now = unix_us();
    CLOCK.as_ref().map_or(now, |clock| clock.shown(now))
}

/// The same as a timestamp.
pub fn timestamp_of_process() -> Timestamp {
    let now = i64::try_from(unix_us_of_process()).unwrap_or(i64::MAX);
    Timestamp::from_microsecond(now).unwrap_or(Timestamp::MAX)
}

struct OwnClock {
    file: PathBuf,
    /// When the file is to be looked at again.
    look_at_us: AtomicU64,
    shift: RwLock<Option<ClockShift>>,
}

impl OwnClock {
    fn of(file: PathBuf) -> Self {
        Self { file, look_at_us: AtomicU64::new(0), shift: RwLock::new(None) }
    }

    /// What it shows when it is `now`.
    fn shown(&self, now: u64) -> u64 {
        let due = self.look_at_us.load(Ordering::Relaxed);
        let next = now.saturating_add(LOOK_EVERY_US);
        let claim =
            |due| self.look_at_us.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed);
        if now >= due && claim(due).is_ok() {
            let found = ClockShift::read(&self.file);
            *self.shift.write().unwrap_or_else(PoisonError::into_inner) = found;
        }
        let shift = *self.shift.read().unwrap_or_else(PoisonError::into_inner);
        shift.map_or(now, |shift| now.saturating_add_signed(shift.at(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_right_but_for_what_its_file_says() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("clock");
        let clock = OwnClock::of(file.clone());
        assert_eq!(clock.shown(1_000_000), 1_000_000);
        let shift =
            ClockShift { since_us: 0, until_us: u64::MAX, offset_us: -300_000, drift_us_per_s: 0 };
        shift.write(&file).unwrap();
        assert_eq!(clock.shown(1_000_000 + LOOK_EVERY_US - 1), 1_000_000 + LOOK_EVERY_US - 1);
        assert_eq!(clock.shown(2_000_000), 1_700_000);
        ClockShift::clear(&file).unwrap();
        assert_eq!(clock.shown(3_000_000), 3_000_000);
    }
}
