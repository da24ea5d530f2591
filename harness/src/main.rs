//! The `stormgauge` program.

fn main() -> std::process::ExitCode {
    harness::cli::main()
}
