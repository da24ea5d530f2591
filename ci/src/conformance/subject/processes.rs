//! Apache Kafka in processes.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, ensure};

use super::Subject;

/// Three brokers of Apache Kafka that a script started and can kill.
pub(crate) struct Processes {
    bootstrap: String,
    script: PathBuf,
    folder: PathBuf,
}

impl Processes {
    /// The running brokers: their addresses, `ci/apache-kafka`, and the folder that it was given.
    pub(crate) fn new(bootstrap: String, script: PathBuf, folder: PathBuf) -> Self {
        Self { bootstrap, script, folder }
    }

    fn command(&self, verb: &str, broker: i32) -> anyhow::Result<()> {
        let mut command = Command::new(&self.script);
        let command = command.arg(verb).arg(broker.to_string()).arg(&self.folder);
        let status = command.status()?;
        ensure!(status.success(), "{} {verb} {broker}: {status}", self.script.display());
        Ok(())
    }
}

impl Subject for Processes {
    fn name(&self) -> &'static str {
        "Apache Kafka"
    }

    fn bootstrap(&self) -> String {
        self.bootstrap.clone()
    }

    fn secured(&self, protocol: &str) -> anyhow::Result<String> {
        let listeners = std::fs::read_to_string(self.folder.join("listeners"))?;
        let mut lines = listeners.lines().filter_map(|line| line.split_once(' '));
        let found = lines.find(|(name, _)| *name == protocol);
        found.map(|(_, it)| it.to_owned()).with_context(|| format!("no listener {protocol}"))
    }

    fn crash(&self, broker: i32) -> anyhow::Result<()> {
        self.command("kill", broker)
    }

    fn restart(&self, broker: i32) -> anyhow::Result<()> {
        self.command("restart", broker)
    }

    // Stopped where it is.
    fn cut_off(&self, broker: i32) -> anyhow::Result<()> {
        self.command("pause", broker)
    }

    fn rejoin(&self, broker: i32) -> anyhow::Result<()> {
        self.command("continue", broker)
    }
}
