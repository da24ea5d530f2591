//! The folder of a run: records, reports, journal, scenarios and logs.

use super::RunPlan;
use crate::clock;
use crate::environment::Place;
use crate::exit::Failure;
use crate::scenario::ValidatedScenario;
use crate::scenario::spec::StrategyName;
use anyhow::Context;
use chaos::Journal;
use chaos::journal::{JournalEntry, OpenError};
use results::RunRecord;
use results::file::write_atomic;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Folder that holds runs where `--out` does not say otherwise.
pub const ROOT: &str = "stormgauge-out";

/// The journal of a run, in its folder.
pub const JOURNAL: &str = "journal.jsonl";

/// The folder of one run.
#[derive(Debug, Clone)]
pub struct RunDirectory {
    path: PathBuf,
    name: String,
    place: Place,
}

impl RunDirectory {
    /// Makes the folder with the scenarios in it, and its journal: whoever has that open owns the
    /// run's environments.
    ///
    /// # Errors
    /// When the folder holds an earlier run, another harness owns it, or it cannot be written.
    pub fn create(plan: &RunPlan) -> Result<(Self, Journal), Failure> {
        let path = make_folder(plan.out.as_deref(), &plan.name)?;
        // `--out .` names a folder too.
        let whole = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
        let name = whole.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_else(|| plan.name.clone());
        let directory = Self { path, name, place: plan.place.clone() };
        let journal = directory.journal()?;
        for part in ["records", "scenarios", "trials"] {
            let part = directory.path.join(part);
            fs::create_dir_all(&part)
                .with_context(|| format!("cannot create {}", part.display()))
                .map_err(Failure::not_ready)?;
        }
        for scenario in &plan.scenarios {
            directory.write_scenario(scenario)?;
        }
        Ok((directory, journal))
    }

    /// Writes a scenario as it is run.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write_scenario(&self, scenario: &ValidatedScenario) -> Result<(), Failure> {
        write_atomic(&self.path.join(scenario_file(scenario)), scenario.yaml.as_bytes())
            .map_err(Failure::not_ready)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where its trials run.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The run's name: that of its folder.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// The folder of a trial's logs.
    pub fn trial(&self, name: &str) -> PathBuf {
        self.path.join("trials").join(name)
    }

    /// The command line that runs one trial again, in a shell.
    pub fn replay(
        &self,
        scenario: &ValidatedScenario,
        strategy: StrategyName,
        seed: u64,
    ) -> String {
        self.replay_of(&self.path.join(scenario_file(scenario)), strategy, seed)
    }

    /// The command line that runs one trial of a scenario file, in a shell.
    pub fn replay_of(&self, scenario: &Path, strategy: StrategyName, seed: u64) -> String {
        format!(
            "stormgauge run {} --seed {seed} --strategies {} --repetitions 1{}",
            quoted(&scenario.to_string_lossy()),
            strategy.as_str(),
            self.place.flags()
        )
    }

    /// Opens the journal.
    fn journal(&self) -> Result<Journal, Failure> {
        let path = self.path.join(JOURNAL);
        let journal = Journal::create(&path).map_err(|error| not_opened(&path, error))?;
        let pid = std::process::id();
        let start_ticks = clock::start_ticks(pid).unwrap_or(0);
        journal
            .append(JournalEntry::RunStarted { pid, start_ticks, run: self.name() })
            .map_err(Failure::not_ready)?;
        Ok(journal)
    }

    /// Writes one record.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write_record(&self, record: &RunRecord) -> Result<(), Failure> {
        let path = self.path.join("records").join(format!("{}.json", record.trial));
        record.write(&path).map_err(Failure::not_ready)
    }

    /// Writes the record of a probe, which is no trial to compare with others.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write_probe(&self, record: &RunRecord) -> Result<(), Failure> {
        let folder = self.path.join("probes");
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))
            .map_err(Failure::not_ready)?;
        record.write(&folder.join(format!("{}.json", record.trial))).map_err(Failure::not_ready)
    }
}

/// Why a journal cannot be written, and what to do about it.
fn not_opened(journal: &Path, error: OpenError) -> Failure {
    let owned = matches!(error, OpenError::Owned { .. });
    let fix = if owned { "; wait for its end, or name another folder" } else { "" };
    Failure::not_ready(anyhow::anyhow!("{}: {error}{fix}", journal.display()))
}

/// A word as a shell reads it as one.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+:,@%".contains(c);
    if word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

fn scenario_file(scenario: &ValidatedScenario) -> String {
    format!("scenarios/{}.yaml", scenario.spec.name)
}

/// Makes the folder that the user named, or else one below [`ROOT`] named after what is run.
///
/// # Errors
/// When the folder holds something already or cannot be made.
pub fn make_folder(out: Option<&Path>, name: &str) -> Result<PathBuf, Failure> {
    match out {
        Some(path) => asked_for(path),
        None => fresh(name),
    }
}

/// The folder that the user named: new, or empty.
fn asked_for(path: &Path) -> Result<PathBuf, Failure> {
    let occupied = fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
    if occupied {
        let journal = path.join(JOURNAL);
        if journal.is_file()
            && let Err(error @ OpenError::Owned { .. }) = Journal::create(&journal)
        {
            return Err(not_opened(&journal, error));
        }
        let error = anyhow::anyhow!(
            "--out {}: the folder is not empty; name a new one, or remove it",
            path.display()
        );
        return Err(Failure::usage(error));
    }
    fs::create_dir_all(path)
        .with_context(|| format!("--out: cannot create {}", path.display()))
        .map_err(Failure::not_ready)?;
    Ok(path.to_owned())
}

/// A folder of its own, even when two runs start in the same second.
fn fresh(name: &str) -> Result<PathBuf, Failure> {
    let base = Path::new(ROOT).join(format!("{name}-{}", clock::folder_stamp()));
    fs::create_dir_all(ROOT)
        .with_context(|| format!("cannot create {ROOT}"))
        .map_err(Failure::not_ready)?;
    for attempt in 0..1000 {
        let path = match attempt {
            0 => base.clone(),
            _ => PathBuf::from(format!("{}-{attempt}", base.display())),
        };
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => {
                let error = anyhow::Error::new(error);
                return Err(Failure::not_ready(
                    error.context(format!("cannot create {}", path.display())),
                ));
            }
        }
    }
    Err(Failure::not_ready(anyhow::anyhow!("{} and its like are all taken", base.display())))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_path_stays_one_word_of_a_command_line() {
        assert_eq!(quoted("stormgauge-out/smoke-1/é.yaml"), "stormgauge-out/smoke-1/é.yaml");
        assert_eq!(quoted("my runs/it's;rm"), "'my runs/it'\\''s;rm'");
    }
}
