//! The folder of a duet: the scenario as it is handed to both programs, and a folder a trial.

use crate::exit::Failure;
use crate::run;
use anyhow::Context;
use results::gate::Role;
use std::fs;
use std::path::{Path, PathBuf};

/// Where a duet's files are.
#[derive(Debug, Clone)]
pub struct Folder {
    path: PathBuf,
    scenario: PathBuf,
}

impl Folder {
    /// Makes the folder, `out` or one of its own below [`run::ROOT`], with the scenario in it.
    ///
    /// Both programs get the same bytes, whatever they have built in.
    ///
    /// # Errors
    /// When the folder holds something already or cannot be written.
    pub fn create(out: Option<&Path>, name: &str, scenario: &str) -> Result<Folder, Failure> {
        let path = run::make_folder(out, name)?;
        // The programs run where this one does, but the path must not depend on it.
        let path = fs::canonicalize(&path).unwrap_or(path);
        let folder = Folder { scenario: path.join("scenario.yaml"), path };
        folder.write("scenario.yaml", scenario.as_bytes())?;
        let pairs = folder.path.join("pairs");
        fs::create_dir_all(&pairs)
            .with_context(|| format!("cannot create {}", pairs.display()))
            .map_err(Failure::not_ready)?;
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The scenario file.
    pub(super) fn scenario(&self) -> &Path {
        &self.scenario
    }

    /// The folder of a trial's run, and the file with what its program said.
    pub(super) fn trial(&self, number: u32, role: Role) -> (PathBuf, PathBuf) {
        let name = format!("{number:03}-{}", role.word());
        let pairs = self.path.join("pairs");
        (pairs.join(&name), pairs.join(format!("{name}.log")))
    }

    /// Writes a file into the folder, whole or not at all.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        results::file::write_atomic(&self.path.join(name), bytes).map_err(Failure::not_ready)
    }
}
