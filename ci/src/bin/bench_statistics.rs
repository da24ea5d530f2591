//! Prints one line a target of the statistics: `name measured target ok|short`. Exits 0 whether
//! or not they are met.

use anyhow::Context;
use ci::micro;
use ci::target::{Wanted::AtMost, report};
use clap::Parser;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

/// Values of the history that is looked at.
const HISTORY: usize = 200;

/// Measures the recorder and the statistics.
#[derive(Debug, Parser)]
struct Args {
    /// A Python that has apache-otava, as `ci/statistics-python` prints
    python: PathBuf,
    /// The script that times a pass of apache-otava
    script: PathBuf,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    report("recorder_with_timestamp", micro::timestamped_recorder_ns(), AtMost, 25.0, "ns")?;
    writeln!(std::io::stdout(), "# of which the system's clock takes {:.2}ns", micro::clock_ns())?;
    report("recorder_over_bare_histogram", micro::recorder_over_bare(), AtMost, 1.0, "")?;
    report("merge_10000_histograms", micro::merges_s(10_000), AtMost, 1.0, "s")?;
    let pass_ms = micro::change_pass_ms(HISTORY);
    report("change_points_200_pass", pass_ms, AtMost, 0.3, "ms")?;
    let theirs = Command::new(&args.python).arg(&args.script).arg(HISTORY.to_string()).output()?;
    let theirs_ms: f64 = String::from_utf8(theirs.stdout)?
        .trim()
        .parse()
        .with_context(|| format!("{} printed no time", args.script.display()))?;
    report("change_points_200_pass_over_otava", pass_ms / theirs_ms, AtMost, 1.0, "")?;
    Ok(())
}
