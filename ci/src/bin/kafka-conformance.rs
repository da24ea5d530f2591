//! Tries every case on the embedded cluster and on Apache Kafka, and prints how they compare.
//! Exits 0 only when every case passes on both with the same observation.

use std::path::PathBuf;
use std::process::ExitCode;

use ci::conformance::{Against, Tools, compare};
use clap::Parser;

/// Compares the embedded cluster with Apache Kafka; see `ci/kafka-conformance`.
#[derive(Debug, Parser)]
struct Args {
    /// Bootstrap servers of the running Apache Kafka
    #[arg(required_unless_present = "containers", requires = "folder")]
    servers: Option<String>,
    /// The folder that `ci/apache-kafka start` was given
    folder: Option<PathBuf>,
    /// The script that kills and restarts brokers
    #[arg(long, default_value = "ci/apache-kafka")]
    script: PathBuf,
    /// Starts Apache Kafka in containers instead, with the settings in this file
    #[arg(long, value_name = "FILE", conflicts_with = "servers")]
    containers: Option<PathBuf>,
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
    let against = match args.containers {
        Some(settings) => Against::Containers { settings },
        None => Against::Processes {
            servers: args.servers.unwrap_or_default(),
            folder: args.folder.unwrap_or_default(),
            script: args.script,
        },
    };
    let tools = Tools {
        python: args.python,
        python_cases: args.python_cases,
        class_path: args.class_path,
        member: std::env::current_exe()?.with_file_name("kafka-group-member"),
        certificate: args.certificate,
    };
    let same = compare(against, &tools, &args.only, args.seen.as_deref())?;
    Ok(if same { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
