//! What a soak leaves on the disk.
//!
//! **What stays.** The folders of the last three rounds, and those of every round that failed, of
//! which there are no more than `--failures`. So a soak takes no more of the disk than that many
//! runs, a state, and a line of some 50 bytes a round, however long it lasts.

use super::state::{RoundRow, Soak};
use crate::exit::Failure;
use crate::leftover;
use crate::scenario::ValidatedScenario;
use anyhow::Context;
use results::file::{read_bounded, write_atomic};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Rounds whose folders stay whatever came of them.
pub const ROUNDS_KEPT: u64 = 3;

const STATE: &str = "soak.json";
const ROUNDS: &str = "rounds.csv";
const STATE_BYTES_MAX: u64 = 16 << 20;
const ROUNDS_BYTES_MAX: u64 = 256 << 20;

/// The folder of a soak.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Opens the folder of a soak: a new one, or one that goes on where it was left.
    ///
    /// # Errors
    /// When it holds something else, the soak of another scenario, or cannot be written.
    pub fn open(
        path: &Path,
        scenario: &ValidatedScenario,
        intensity: f64,
        seed: u64,
    ) -> Result<(Self, Soak), Failure> {
        let folder = Self { path: path.to_owned() };
        let state = path.join(STATE);
        let digest = &scenario.digest;
        if state.exists() {
            let refused = |problem: String| {
                let place = state.display();
                let advice = "name another folder with --out, or remove this one";
                Failure::usage(anyhow::anyhow!("{place}: {problem}; {advice}"))
            };
            let text = read_bounded(&state, STATE_BYTES_MAX);
            let text = text.map_err(|error| refused(error.to_string()))?;
            let soak: Soak =
                serde_json::from_str(&text).map_err(|error| refused(error.to_string()))?;
            return match soak.misfit(digest, intensity, seed) {
                Some(problem) => Err(refused(problem)),
                None => {
                    folder.resume(&soak)?;
                    Ok((folder, soak))
                }
            };
        }
        crate::run::make_folder(Some(path), "soak")?;
        let soak = Soak::new(digest, intensity, seed);
        write(&folder.scenario(), &scenario.yaml)?;
        write(&path.join(ROUNDS), RoundRow::HEADINGS)?;
        folder.write_state(&soak)?;
        Ok((folder, soak))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The scenario that every round is made of.
    pub fn scenario(&self) -> PathBuf {
        self.path.join("scenario.yaml")
    }

    /// The folder of a round's run.
    pub fn round(&self, seed: u64) -> PathBuf {
        self.path.join("rounds").join(seed.to_string())
    }

    /// What a round's process said.
    pub fn log(&self, seed: u64) -> PathBuf {
        self.path.join("rounds").join(format!("{seed}.log"))
    }

    /// Takes away what a killed round left, its processes too, and makes room for another.
    ///
    /// # Errors
    /// When that cannot be done.
    pub fn clear_round(&self, seed: u64) -> Result<(), Failure> {
        let round = self.round(seed);
        for left in leftover::find(&round).map_err(Failure::not_ready)? {
            left.remove().map_err(Failure::not_ready)?;
        }
        self.remove_round(seed)?;
        let rounds = self.path.join("rounds");
        fs::create_dir_all(&rounds)
            .with_context(|| format!("cannot create {}", rounds.display()))
            .map_err(Failure::not_ready)
    }

    /// Writes what has become of a round, and lets go of what is no longer kept.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, soak: &Soak, row: &RoundRow) -> Result<(), Failure> {
        let path = self.path.join(ROUNDS);
        let mut file = fs::OpenOptions::new().append(true).create(true).open(&path);
        let appended =
            file.as_mut().map_err(|error| std::io::Error::new(error.kind(), error.to_string()));
        appended
            .and_then(|file| std::io::Write::write_all(file, row.csv().as_bytes()))
            .with_context(|| format!("cannot write {}", path.display()))
            .map_err(Failure::not_ready)?;
        if let Some(seed) = soak.leaves(ROUNDS_KEPT) {
            self.remove_round(seed)?;
        }
        // Last: whoever dies before this has the round once more.
        self.write_state(soak)
    }

    /// Rows of rounds that the state does not know of are those of a round to be run once more.
    fn resume(&self, soak: &Soak) -> Result<(), Failure> {
        let path = self.path.join(ROUNDS);
        let text = read_bounded(&path, ROUNDS_BYTES_MAX).map_err(Failure::not_ready)?;
        let known = usize::try_from(soak.rounds()).unwrap_or(usize::MAX).saturating_add(1);
        let kept: String = text.split_inclusive('\n').take(known).collect();
        write(&path, &kept)
    }

    fn write_state(&self, soak: &Soak) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(soak).map_err(Failure::internal)?;
        write(&self.path.join(STATE), &text)
    }

    fn remove_round(&self, seed: u64) -> Result<(), Failure> {
        let (round, log) = (self.round(seed), self.log(seed));
        for gone in [fs::remove_dir_all(&round), fs::remove_file(&log)] {
            match gone {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(Failure::not_ready(
                        anyhow::Error::new(error)
                            .context(format!("cannot remove {}", round.display())),
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    write_atomic(path, text.as_bytes()).map_err(Failure::not_ready)
}

#[cfg(test)]
mod tests {
    use super::super::state::{Judged, Outcome};
    use super::*;
    use crate::scenario::builtin;
    use crate::scenario::validated::Overrides;
    use std::time::Duration;

    fn scenario(name: &str) -> ValidatedScenario {
        let text = builtin::scenario(name).unwrap();
        ValidatedScenario::parse(name, text, &Overrides::default()).unwrap()
    }

    /// A round with something in its folder.
    fn round(folder: &Folder, soak: &mut Soak, outcome: Outcome) {
        folder.clear_round(soak.next_seed).unwrap();
        fs::create_dir_all(folder.round(soak.next_seed).join("records")).unwrap();
        fs::write(folder.log(soak.next_seed), "words").unwrap();
        let judged = Judged { outcome, ..Judged::not_run("low_latency", "so") };
        let row = soak.add(judged, Duration::from_secs(1));
        folder.write(soak, &row).unwrap();
    }

    fn left(folder: &Folder) -> Vec<String> {
        let entries = fs::read_dir(folder.path().join("rounds")).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_soak_goes_on_where_it_was_killed_and_keeps_little() {
        let place = tempfile::tempdir().unwrap();
        let (path, smoke) = (place.path().join("soak"), scenario("smoke"));
        let (folder, mut soak) = Folder::open(&path, &smoke, 0.5, 1).unwrap();
        for outcome in [Outcome::Failed, Outcome::Kept, Outcome::Kept, Outcome::Unclear] {
            round(&folder, &mut soak, outcome);
        }
        round(&folder, &mut soak, Outcome::Kept);
        assert_eq!(left(&folder), ["1", "1.log", "3", "3.log", "4", "4.log", "5", "5.log"]);
        // Killed in the middle of a round, after its row was written and before the state was.
        fs::create_dir_all(folder.round(6)).unwrap();
        let rounds = path.join(ROUNDS);
        let whole = fs::read_to_string(&rounds).unwrap();
        fs::write(&rounds, format!("{whole}6,low_latency,kept,1,1,9.9\n")).unwrap();
        let (folder, again) = Folder::open(&path, &smoke, 0.5, 1).unwrap();
        assert_eq!(again, soak);
        assert_eq!(fs::read_to_string(&rounds).unwrap(), whole);
        folder.clear_round(again.next_seed).unwrap();
        assert!(!folder.round(6).exists());
    }

    #[test]
    fn the_folder_of_something_else_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let (path, smoke) = (place.path().join("soak"), scenario("smoke"));
        Folder::open(&path, &smoke, 0.5, 1).unwrap();
        let refused = |scenario: &ValidatedScenario| {
            Folder::open(&path, scenario, 0.5, 1).unwrap_err().error.to_string()
        };
        assert!(refused(&scenario("stress")).contains("another scenario"));
        fs::write(path.join(STATE), "{}").unwrap();
        assert!(refused(&smoke).contains("soak.json"));
        fs::remove_file(path.join(STATE)).unwrap();
        assert!(refused(&smoke).contains("not empty"));
    }
}
