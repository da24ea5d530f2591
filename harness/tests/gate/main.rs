//! The gate from the outside, with programs that only pretend to run trials.

#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

mod duet;
mod history;
mod record;
mod revision;

use std::path::Path;
use std::process::{Command, Output};

/// Runs the program in a folder.
fn stormgauge(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_stormgauge"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
