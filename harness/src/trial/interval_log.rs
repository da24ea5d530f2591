//! The log of response times, written while the trial runs: an interval a row of the series.

use super::collector::Interval;
use results::report::hlog::{self, INTERVALS_MAX};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

/// An interval log that is being written. It holds at most [`INTERVALS_MAX`] intervals; what
/// comes after is added up in memory and written as one more. The first error ends the writing
/// and is told at the end.
#[derive(Debug)]
pub(super) struct IntervalLog {
    file: io::Result<BufWriter<File>>,
    intervals: usize,
    intervals_max: usize,
    /// Where the next interval starts, from the start of the load.
    start: Duration,
    rest: Option<Interval>,
    rest_end: Duration,
}

impl IntervalLog {
    /// The log of a load that starts at `start_us`, in microseconds since the Unix epoch.
    pub(super) fn create(path: &Path, trial: &str, start_us: u64) -> Self {
        let file = File::create(path).and_then(|file| {
            let mut file = BufWriter::new(file);
            file.write_all(hlog::header(trial, start_us).as_bytes())?;
            Ok(file)
        });
        Self {
            file,
            intervals: 0,
            intervals_max: INTERVALS_MAX,
            start: Duration::ZERO,
            rest: None,
            rest_end: Duration::ZERO,
        }
    }

    /// Appends the interval that ends at `end`, from the start of the load.
    pub(super) fn append(&mut self, end: Duration, interval: &Interval) {
        if self.intervals >= self.intervals_max {
            let rest = self.rest.get_or_insert_default();
            rest.measured.merge(&interval.measured);
            rest.warm_up.merge(&interval.warm_up);
            self.rest_end = end;
        } else {
            self.intervals += 1;
            self.write(end, interval);
        }
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// The first of all errors since the log was made.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if let Some(rest) = self.rest.take() {
            self.write(self.rest_end, &rest);
        }
        self.file?.flush()
    }

    fn write(&mut self, end: Duration, interval: &Interval) {
        let Ok(file) = &mut self.file else { return };
        let length = end.saturating_sub(self.start);
        let Interval { measured, warm_up } = interval;
        let lines = hlog::Interval { start: self.start, length, measured, warm_up };
        // Flushed at once, so that a trial that is killed leaves what it measured.
        let text = hlog::interval(lines);
        if let Err(error) = file.write_all(text.as_bytes()).and_then(|()| file.flush()) {
            self.file = Err(error);
        }
        self.start = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interval(samples: i64) -> Interval {
        let mut interval = Interval::default();
        (0..samples).for_each(|sample| interval.measured.record_us(sample));
        interval
    }

    #[test]
    fn what_comes_after_the_last_interval_is_one_more_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("response.hlog");
        let mut log = IntervalLog::create(&path, "t", 0);
        log.intervals_max = 2;
        (1..=5).for_each(|end| log.append(Duration::from_secs(end), &interval(10)));
        log.finish().unwrap();
        let text = std::fs::read_to_string(path).unwrap();
        let lines: Vec<&str> =
            text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).collect();
        assert_eq!(lines.len(), 3);
        assert!(lines[1].starts_with("1.000,1.000,0.009,"), "{}", lines[1]);
        assert!(lines[2].starts_with("2.000,3.000,0.009,"), "{}", lines[2]);
        assert!(lines[2].ends_with(&interval_of(30).measured.encoded()), "{}", lines[2]);
    }

    /// Thirty samples: each of ten values three times.
    fn interval_of(samples: i64) -> Interval {
        let mut interval = Interval::default();
        (0..samples).for_each(|sample| interval.measured.record_us(sample % 10));
        interval
    }

    #[test]
    fn an_error_is_told_at_the_end() {
        let mut log = IntervalLog::create(Path::new("/nowhere/at/all.hlog"), "t", 0);
        log.append(Duration::from_secs(1), &interval(1));
        assert!(log.finish().is_err());
    }
}
