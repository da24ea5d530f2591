//! `stormgauge completions SHELL`

use super::{Cli, print};
use crate::exit::{Exit, Failure};
use clap::{Args, CommandFactory};
use clap_complete::Shell;

#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  stormgauge completions bash > /etc/bash_completion.d/stormgauge")]
pub(super) struct CompletionsArgs {
    /// Shell
    shell: Shell,
}

impl CompletionsArgs {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "stormgauge", &mut script);
        print(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Pass)
    }
}
