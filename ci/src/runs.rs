//! Figures from whole runs of the `stormgauge` program.

use crate::micro::now;
use anyhow::Context;
use results::RunRecord;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Runs one scenario of this folder and gives its only record.
///
/// # Errors
/// When the program cannot be run or leaves no record.
pub fn record(program: &Path, scenario: &str, strategy: &str) -> anyhow::Result<RunRecord> {
    let out = fresh_folder(scenario)?;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/{scenario}.yaml"));
    let status = command(program)
        .arg("run")
        .arg(file)
        .arg("--out")
        .arg(&out)
        .status()
        .with_context(|| format!("cannot run {}", program.display()))?;
    let record = out.join(format!("records/{scenario}-{strategy}-1.json"));
    let record = RunRecord::read(&record)
        .with_context(|| format!("{scenario} ended with {status} and left no record"))?;
    std::fs::remove_dir_all(&out)?;
    Ok(record)
}

/// How long `suite smoke` takes, and whether it passed.
///
/// # Errors
/// When the program cannot be run.
pub fn smoke(program: &Path) -> anyhow::Result<(Duration, bool)> {
    let out = fresh_folder("smoke")?;
    let start = now();
    let status = command(program).args(["suite", "smoke", "--out"]).arg(&out).status()?;
    let took = start.elapsed();
    std::fs::remove_dir_all(&out)?;
    Ok((took, status.success()))
}

fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn fresh_folder(name: &str) -> anyhow::Result<PathBuf> {
    let folder =
        std::env::temp_dir().join(format!("stormgauge-bench-{}-{name}", std::process::id()));
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    Ok(folder)
}
