//! Tries every case on the embedded cluster and on Apache Kafka, and prints how they compare.
//! Exits 0 only when every case passes on both with the same observation.

use std::path::PathBuf;
use std::process::ExitCode;

use ci::conformance::{Against, Tools, compare};
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
    /// The PEM file with key and certificate that it serves TLS with
    #[arg(long)]
    certificate: PathBuf,
    /// The class path of Apache Kafka's console tools
    #[arg(long)]
    class_path: String,
    /// A Python that has kafka-python
    #[arg(long)]
    python: PathBuf,
    /// The program of the Python cases
    #[arg(long, default_value = "ci/conformance.py")]
    python_cases: PathBuf,
    /// Only the cases whose name holds this
    #[arg(long, default_value = "")]
    only: String,
    /// Also write what was seen here, as JSON
    #[arg(long)]
    seen: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let Args { servers, folder, script, certificate, class_path, python, python_cases, only, seen } =
        args;
    let member = std::env::current_exe()?.with_file_name("kafka-group-member");
    let tools = Tools { python, python_cases, class_path, member, certificate };
    let same = compare(Against { servers, folder, script }, &tools, &only, seen.as_deref())?;
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
