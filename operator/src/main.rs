//! The `operator` program.

use clap::Parser;
use operator::clock::Clock;
use operator::{Args, run, shutdown_on_signals};

/// Kubernetes operator that allocates workers to streaming jobs.
#[derive(Debug, Parser)]
#[command(name = "operator", version)]
struct Program {
    #[command(flatten)]
    args: Args,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let program = Program::parse();
    run(program.args, Clock::start(), shutdown_on_signals()?).await
}
