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
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/{scenario}.yaml"));
    record_of(program, &file, scenario, strategy)
}

fn record_of(
    program: &Path,
    file: &Path,
    scenario: &str,
    strategy: &str,
) -> anyhow::Result<RunRecord> {
    let out = fresh_folder(scenario)?;
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

/// Twenty seconds at 50,000 messages a second, under a hundred faults at once: delays in front of
/// all brokers, and a thousand connections a second that are reset.
///
/// # Errors
/// When the program cannot be run or leaves no record.
pub fn stormy(program: &Path) -> anyhow::Result<RunRecord> {
    const DELAYS: u32 = 99;
    let steady = include_str!("../scenarios/steady.yaml");
    let mut text = steady.replace("name: steady", "name: stormy").replace("60s", "20s");
    text.push_str("faults:\n");
    let between = "between: [{ nodes: all }, { brokers: all }]";
    for number in 0..DELAYS {
        text.push_str(&format!(
            "  - {{ at: {}ms, for: 8s, fault: {{ network_delay: {{ {between}, delay: 100us }} }} }}\n",
            6_000 + 10 * number,
        ));
    }
    text.push_str(
        "  - { at: 7s, for: 7s, fault: { connection_storm: { brokers: { count: 1 }, \
         connections: 1000 } } }\n",
    );
    let folder = fresh_folder("stormy-scenario")?;
    std::fs::create_dir_all(&folder)?;
    let file = folder.join("stormy.yaml");
    std::fs::write(&file, text)?;
    let record = record_of(program, &file, "stormy", "cost_optimized");
    std::fs::remove_dir_all(&folder)?;
    record
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
