//! The program as people start it, for tests from the outside.

use std::path::Path;
use std::process::{Command, Output};

/// The program with arguments in a folder, to be started.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stormgauge"));
    command.args(arguments).current_dir(folder);
    command
}

/// Runs the program to its end.
pub(crate) fn stormgauge(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().expect("the program starts")
}

/// What it wrote.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
