//! Tries every case on the embedded cluster and on Apache Kafka, and prints how they compare.
//! Exits 0 only when every case passes on both with the same observation.

use std::path::PathBuf;
use std::process::ExitCode;

use ci::conformance::{Against, compare};
use clap::Parser;

/// Compares the embedded cluster with Apache Kafka; `ci/kafka-conformance` starts the latter.
#[derive(Debug, Parser)]
struct Args {
    /// Bootstrap servers of the running Apache Kafka
    servers: String,
    /// The folder that `ci/apache-kafka start` was given
    folder: PathBuf,
    /// The script that kills and restarts brokers
    #[arg(long, default_value = "ci/apache-kafka")]
    script: PathBuf,
    /// Only the cases whose name holds this
    #[arg(long, default_value = "")]
    only: String,
    /// Also write what was seen here, as JSON
    #[arg(long)]
    seen: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let Args { servers, folder, script, only, seen } = args;
    let same = compare(Against { servers, folder, script }, &only, seen.as_deref())?;
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
