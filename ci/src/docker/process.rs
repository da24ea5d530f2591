//! Java programs that print what they measured.

use crate::broker::clients::LIMIT;
use anyhow::Context;
use std::process::Stdio;
use tokio::process::Command;

/// Runs `java` and gives what it printed. It is killed when it takes too long, or when nobody waits
/// for it any more.
pub(super) async fn java(command: &mut Command) -> anyhow::Result<String> {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let ended = tokio::time::timeout(LIMIT, command.output()).await;
    let output = ended.context("a Java program does not end")?.context("cannot run java")?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = || format!("{printed}{}", String::from_utf8_lossy(&output.stderr));
    anyhow::ensure!(output.status.success(), "java ended with {}: {}", output.status, complaint());
    Ok(printed)
}

/// `java` with this class path and this much heap.
pub(super) fn command(class_path: &str, heap: &str) -> Command {
    let mut command = Command::new("java");
    command.arg(format!("-Xms{heap}")).arg(format!("-Xmx{heap}")).args(["-cp", class_path]);
    command
}
