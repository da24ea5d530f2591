//! Tells the program which revision of the sources it was built from.

use std::process::Command;

fn main() {
    let output = Command::new("git").args(["describe", "--always", "--dirty"]).output();
    let revision = match output {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).trim().to_owned()
        }
        _ => "unknown".to_owned(),
    };
    println!("cargo:rustc-env=STORMGAUGE_REVISION={revision}");
    // The head moves with each commit; a file that is not there would rebuild every time.
    for file in ["../.git/HEAD", "../.git/logs/HEAD"] {
        if std::path::Path::new(file).exists() {
            println!("cargo:rerun-if-changed={file}");
        }
    }
}
