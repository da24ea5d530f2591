//! Verbs that the program calls on itself: its children are the same executable.

use crate::clock;
use crate::exit::{Exit, Failure};
use clap::Subcommand;
use std::ffi::OsString;

#[derive(Debug, Subcommand)]
pub(super) enum Hidden {
    /// Run the operator
    #[command(hide = true)]
    Operator(operator::Args),
    /// Run the reference worker, configured by the environment
    #[command(hide = true)]
    Worker,
    /// Become a command that dies with its parent
    #[command(hide = true)]
    RunChild {
        /// Process whose death ends the command
        #[arg(long)]
        parent: u32,
        /// The command
        #[arg(last = true, required = true)]
        command: Vec<OsString>,
    },
}

impl Hidden {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        match self {
            Self::Operator(args) => run_operator(args).map_err(Failure::internal),
            Self::Worker => {
                let ended = workloads::worker::run_from_env(clock::unix_us_of_process);
                ended.map(|()| Exit::Pass).map_err(Failure::internal)
            }
            Self::RunChild { parent, command } => {
                Err(Failure::internal(crate::child::become_child(parent, &command)))
            }
        }
    }
}

fn run_operator(args: operator::Args) -> anyhow::Result<Exit> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let clock = operator::clock::Clock::start_with(clock::timestamp_of_process);
    runtime
        .block_on(async { operator::run(args, clock, operator::shutdown_on_signals()?).await })?;
    Ok(Exit::Pass)
}
