//! The command line: one verb a file.

mod baseline;
mod calibrate;
mod chaos;
mod clean;
mod compare;
mod completions;
mod conformance;
mod doctor;
mod gate;
mod hidden;
mod list;
mod options;
mod report;
mod run;
mod schema;
mod soak;
mod suite;
mod validate;

use crate::exit::{Exit, Failure};
use clap::{Parser, Subcommand};
use list::table;
pub(crate) use options::TableFormat;

/// Chaos and benchmarks for streaming workloads on Kubernetes.
#[derive(Debug, Parser)]
#[command(name = "stormgauge", version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

const EXAMPLES: &str = "\
Examples:
  stormgauge suite smoke                          a first look, under a minute
  stormgauge suite stress                         compare three strategies under load and failures
  stormgauge run scenario.yaml --strategies low_latency --repetitions 3
  stormgauge run scenario.yaml --chaos random --seed 1 --repetitions 20
  stormgauge baseline stormgauge-out/RUN --to baseline.json
  stormgauge gate stormgauge-out/RUN --bound 'p99_response < 2s' --baseline baseline.json
  stormgauge gate --duet --baseline-rev main      is this program slower than that of main?

Exit codes:
  0 pass   1 internal error   2 usage or bad file   3 gate failed   4 environment not ready
  5 inconclusive or invalid   124 deadline passed   130 interrupted";

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run a suite: a built-in one by name, or a file
    Suite(suite::SuiteArgs),
    /// Run one scenario: a file, or a built-in one by name
    Run(run::RunArgs),
    /// Run one random fault schedule after the other for hours
    Soak(soak::SoakArgs),
    /// Hold a run against bounds and a baseline, or a program against another
    Gate(Box<gate::GateArgs>),
    /// Measure what the gate is worth on this machine
    Calibrate(calibrate::CalibrateArgs),
    /// Make a baseline of a run
    Baseline(baseline::BaselineArgs),
    /// Rank the strategies of one or several runs, and tell differences from noise
    Compare(compare::CompareArgs),
    /// Write the reports of a run anew, or print one
    Report(report::ReportArgs),
    /// Check scenario and suite files without running them
    Validate(validate::ValidateArgs),
    /// List suites, scenarios, strategies, faults, checkers and indicators
    List(list::ListArgs),
    /// Say whether this machine is ready for an environment
    Doctor(doctor::DoctorArgs),
    /// Print the JSON schema of scenario or suite files
    Schema(schema::SchemaArgs),
    /// Hold every kind of fault against what it promises
    Conformance(conformance::ConformanceArgs),
    /// Find and remove what killed runs left behind
    Clean(clean::CleanArgs),
    /// Print shell completions
    Completions(completions::CompletionsArgs),
    #[command(flatten)]
    Hidden(hidden::Hidden),
}

/// Runs the program and returns its exit code.
pub fn main() -> std::process::ExitCode {
    let cli = Cli::parse();
    // The operator sets up its own log, by its own flags.
    if !matches!(cli.verb, Verb::Hidden(hidden::Hidden::Operator(_))) {
        start_log();
    }
    let outcome = dispatch(cli.verb);
    let exit = outcome.unwrap_or_else(|failure| {
        crate::note!("error: {failure}");
        failure.exit
    });
    std::process::ExitCode::from(exit as u8)
}

fn dispatch(verb: Verb) -> Result<Exit, Failure> {
    match verb {
        Verb::Suite(args) => args.run(),
        Verb::Run(args) => args.run(),
        Verb::Soak(args) => args.run(),
        Verb::Gate(args) => args.run(),
        Verb::Calibrate(args) => args.run(),
        Verb::Baseline(args) => args.run(),
        Verb::Compare(args) => args.run(),
        Verb::Report(args) => args.run(),
        Verb::Validate(args) => args.run(),
        Verb::List(args) => args.run(),
        Verb::Doctor(args) => args.run(),
        Verb::Schema(args) => args.run(),
        Verb::Conformance(args) => args.run(),
        Verb::Clean(args) => args.run(),
        Verb::Completions(args) => args.run(),
        Verb::Hidden(verb) => verb.run(),
    }
}

/// Errors of our own go to standard error; `RUST_LOG` says otherwise. The Kafka client's are left
/// out: it complains loudly of every broker that we crash.
fn start_log() {
    use std::io::IsTerminal;
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("error,rdkafka=off,librdkafka=off"));
    let colour = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colour);
    log.with_writer(std::io::stderr).init();
}

/// Prints data to standard output; a reader that has gone away is no error.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    use std::io::Write;
    let mut output = std::io::stdout().lock();
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    match write!(output, "{text}{newline}").and_then(|()| output.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::internal(anyhow::anyhow!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
