//! The command line.

use embedded_kafka::Defect;

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) count: u64,
    /// The first seed; each history has the next.
    pub(crate) seed: u64,
    pub(crate) threads: usize,
    pub(crate) replay: Option<u64>,
    /// The bug to plant; the search is then for a history that shows it.
    pub(crate) defect: Option<Defect>,
}

const USAGE: &str =
    "histories [--count N] [--seed N] [--threads N] [--replay SEED] [--defect NAME]";

impl Options {
    /// The seed after the last.
    pub(crate) fn end(&self) -> u64 {
        self.seed.saturating_add(self.count)
    }

    /// Reads the arguments.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { count: 10_000, seed: 1, threads: 2, replay: None, defect: None };
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name}: no value; {USAGE}"))?;
            let number = || value.parse::<u64>().map_err(|error| format!("{name}: {error}"));
            match name.as_str() {
                "--count" => options.count = number()?,
                "--seed" => options.seed = number()?,
                "--threads" => options.threads = number()?.clamp(1, 256) as usize,
                "--defect" => options.defect = Some(defect(&value)?),
                "--replay" => options.replay = Some(number()?),
                _ => return Err(format!("{name}: not known; {USAGE}")),
            }
        }
        Ok(options)
    }
}

/// The defects by name.
const DEFECTS: [(&str, Defect); 5] = [
    ("HighWatermarkTooEarly", Defect::HighWatermarkTooEarly),
    ("TruncateToHighWatermark", Defect::TruncateToHighWatermark),
    ("ZombieLeaderNotFenced", Defect::ZombieLeaderNotFenced),
    ("SyncBeforeAssignment", Defect::SyncBeforeAssignment),
    ("ReleaseNotAwaited", Defect::ReleaseNotAwaited),
];

fn defect(name: &str) -> Result<Defect, String> {
    let found = DEFECTS.iter().find(|(known, _)| *known == name);
    let names = || DEFECTS.map(|(known, _)| known).join(", ");
    found.map(|(_, defect)| *defect).ok_or_else(|| format!("--defect: {name}, not {}", names()))
}
